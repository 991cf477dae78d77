"""Installs the prerequisites: the virtual environment, the Pulumi CLI, Azurite and a registry server.

It runs before anything is installed, so it uses only the standard library.
"""
