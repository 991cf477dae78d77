"""The steps of a way out of a failure: each is one command line that a shell accepts.

A name in braces is filled with what the caller knows. What nobody can know stays in angle brackets, for the
user to fill in: `{later}` becomes `<later>`.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

Known = Mapping[str, str]
"""What a caller knows: the names of stacks and resources, by the names in braces."""


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def filled(template: str, known: Known) -> str:
    """Return a command line with the known names, quoted for a shell."""
    return template.format_map(_Names((name, shlex.quote(value)) for name, value in known.items() if value))


def snake_case(key: str) -> str:
    """Return the argument of the components that a configuration key sets: its name in snake_case."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)


@dataclass(frozen=True)
class Run:
    """A command of Pulumi, of Azure or of acr-transfer."""

    line: str

    def command(self, known: Known) -> str:
        """Return the command line."""
        return filled(self.line, known)


@dataclass(frozen=True)
class SetKey:
    """Set a key of a stack's configuration."""

    key: str
    """The key; `key[{item}]` for an item of a list."""

    value: str
    stack: str = "stack"
    """The stack: `stack` for that of the failure, or `source` or `target`."""

    def command(self, known: Known) -> str:
        """Return the command line."""
        key = f"acr-transfer:{self.key}"
        key = f"--path '{key}'" if "[" in key else key
        return filled(f"pulumi config set {key} {self.value} -s {{{self.stack}}}", known)


@dataclass(frozen=True)
class AddItem:
    """Add an item to a key that is a list; `{items}` is the number of items that it has."""

    key: str
    value: str

    def command(self, known: Known) -> str:
        """Return the command line."""
        return SetKey(f"{self.key}[{{items}}]", self.value).command(known)


@dataclass(frozen=True)
class RemoveKey:
    """Remove a key from a stack's configuration, so that its default applies."""

    key: str
    stack: str = "stack"

    def command(self, known: Known) -> str:
        """Return the command line."""
        return filled(f"pulumi config rm acr-transfer:{self.key} -s {{{self.stack}}}", known)


Step = Run | SetKey | AddItem | RemoveKey

DEPLOY = Run("pulumi up -s {stack}")
DEPLOY_SOURCE = Run("pulumi up -s {source}")
DEPLOY_TARGET = Run("pulumi up -s {target}")
"""Imports what no trigger imports; with a trigger it changes nothing."""
RESTORE = Run("pulumi up --refresh -s {stack}")
"""Creates what was deleted in Azure behind Pulumi's back; `pulumi up` alone trusts the stack's state."""
HOP = Run("acr-transfer hop --source {source} --target {target}")
DOCTOR = Run("acr-transfer doctor --only {side} --{side} {stack}")
