"""How messages name the arguments and phrase their changes: as in Python, unless a program says otherwise."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


@dataclass(frozen=True)
class Wording:
    """The names of the arguments in messages, and the words that change one."""

    name: Callable[[str], str]
    """Returns a text about arguments with their names."""

    change: str = "set {argument} to {value}"
    """The words that change an argument to a value, with `{argument}` and `{value}`."""

    remove: str = "remove {argument}"
    """The words that remove an argument, with `{argument}`."""


PYTHON = Wording(str)
_wording = PYTHON


def use(wording: Wording) -> None:
    """Have the messages of all components use this wording, from now on."""
    global _wording
    _wording = wording


def named(text: str) -> str:
    """Return a text about arguments with the names that the program has for them."""
    return _wording.name(text)


def change(argument: str, value: str) -> str:
    """Return the words that change an argument to a value."""
    return _wording.change.format(argument=named(argument), value=value)


def remove(argument: str) -> str:
    """Return the words that remove an argument."""
    return _wording.remove.format(argument=named(argument))


def camel_case(text: str) -> str:
    """Return a text about arguments with their names in camelCase."""
    return _SNAKE_CASE.sub(lambda name: re.sub("_(.)", lambda letter: letter[1].upper(), name[0]), text)


CAMEL_CASE = Wording(camel_case)
"""The wording for programs in other languages."""
