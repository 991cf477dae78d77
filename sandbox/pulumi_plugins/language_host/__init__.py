"""A Pulumi language host for Python programs and plugins."""
