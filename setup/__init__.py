"""Brings what a fresh machine lacks: the virtual environment, the Pulumi CLI, Azurite and a registry server.

It runs before anything is installed, so it uses the standard library alone.
"""
