"""The errors that the model raises. Each program shows the message and adds its own exit code."""


class ModelError(ValueError):
    """A text, a file or a document breaks a rule; the message names it, the reason and the fix."""
