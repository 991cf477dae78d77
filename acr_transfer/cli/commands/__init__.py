"""The commands of `acr-transfer`, one module each; a new one is found by being here.

A module has `PURPOSE` (one clause, for the list of commands), `EXAMPLES` (lines as typed, each with what it
does), `add_arguments(parser)` and `run(options) -> int`, the exit code. At import it loads nothing heavy:
whatever needs Azure's libraries is imported in `run`, so that help, completion and refusals come at once.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from typing import Protocol, cast

_ORDER = ("plan", "review", "hop", "pack", "unpack", "prove", "status", "doctor", "ship", "clean")
"""The order in which a transfer uses them, which is that of the help."""


class Command(Protocol):
    """What a module of this package is to the command line."""

    PURPOSE: str
    EXAMPLES: tuple[tuple[str, str], ...]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of this command alone; those of all commands are there."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; the exit code. Raises `TransferError` for what stops it."""


def commands() -> dict[str, Command]:
    """All commands by name, in the order of a transfer; unknown ones last."""
    names = {module.name for module in pkgutil.iter_modules(__path__)}
    ordered = [name for name in _ORDER if name in names] + sorted(names.difference(_ORDER))
    return {name: cast(Command, importlib.import_module(f"{__name__}.{name}")) for name in ordered}
