"""How messages name the arguments and phrase their changes: as in Python, unless a program says otherwise."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pulumi

from acr_transfer.model.failures.failure import Cause, Failure
from acr_transfer.model.failures.steps import AddItem, Known, RemoveKey, SetKey, Step, filled, snake_case

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


@dataclass(frozen=True)
class Wording:
    """The names of the arguments in messages, and the words for the steps of a way out."""

    name: Callable[[str], str]
    """Returns a text about arguments with their names."""

    has_keys: bool = False
    """Whether each argument is a key of the stack's configuration, so that a command changes it."""

    known: Known = field(default_factory=dict)
    """The names in commands that the program knows, such as `source`, the stack of the other side."""


PYTHON = Wording(str)
_wording = PYTHON


def use(wording: Wording) -> None:
    """Have the messages of all components use this wording, from now on."""
    global _wording
    _wording = wording


def named(text: str) -> str:
    """Return a text about arguments with the names that the program has for them."""
    return _wording.name(text)


def ways_out(failure: Failure, side: str = "", **known: str) -> str:
    """Return the ways out of a failure of this deployment, with one indented line for each step.

    `side` is `source` or `target`, if it matters; `known` has the names in the commands, besides the stack's.
    """
    stack = pulumi.get_stack()
    names = {**_wording.known, "side": side, "stack": stack, side: stack, **known}
    cause = Cause(failure, names, side)
    return cause.advice(None if _wording.has_keys else lambda step: _words(step, names))


def _words(step: Step, known: Known) -> str:
    """A step in a program that sets the arguments itself."""
    if isinstance(step, SetKey):
        return f"set {named(snake_case(step.key))} to {filled(step.value, known)}"
    if isinstance(step, AddItem):
        return f"add {filled(step.value, known)} to {named(snake_case(step.key))}"
    if isinstance(step, RemoveKey):
        return f"remove {named(snake_case(step.key))}"
    return step.command(known)


def camel_case(text: str) -> str:
    """Return a text about arguments with their names in camelCase."""
    return _SNAKE_CASE.sub(lambda name: re.sub("_(.)", lambda letter: letter[1].upper(), name[0]), text)


CAMEL_CASE = Wording(camel_case)
"""The wording for programs in other languages."""

KEYS = Wording(camel_case, has_keys=True)
"""The wording for a program whose arguments are keys of the stack's configuration."""
