"""How messages phrase a change of an argument: by its name, or as the command of the program that sets it."""

from collections.abc import Callable

Phrase = Callable[[str, str], str]
"""Returns the words that change an argument to a value."""


def _by_name(argument: str, value: str) -> str:
    return f"set {argument} to {value}"


_phrase: Phrase = _by_name


def change(argument: str, value: str) -> str:
    """Return the words that change an argument to a value, such as "set registry to <name>"."""
    return _phrase(argument, value)


def phrase_changes(phrase: Phrase) -> None:
    """Have every component phrase changes like this: the program has other names for the arguments."""
    global _phrase
    _phrase = phrase
