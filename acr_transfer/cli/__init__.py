"""The command line: parser, console, tables, progress, and one module per command."""
