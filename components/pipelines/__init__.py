"""Pipelines with the permissions of their identities, and their runs."""
