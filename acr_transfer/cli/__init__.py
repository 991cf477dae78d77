"""The command line: parser, console, reports, and one module for each command."""
