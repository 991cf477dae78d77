"""The documents that pass from one program to the next, each declared once. They need pydantic."""
