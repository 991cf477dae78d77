"""The commands of `acr-transfer`, one module each. Every module in this folder is a command.

A module has `PURPOSE` (one clause, for the list of commands), `EXAMPLES` (command lines and their effects),
`add_arguments(parser)` and `run(options) -> int`, which returns the exit code. Azure's libraries and other
slow imports belong in `run`: help, completion and usage errors must appear at once.
"""

import argparse
import importlib
import pkgutil
from typing import Protocol, cast

_ORDER = ("plan", "review", "hop", "pack", "unpack", "prove", "status", "doctor", "ship", "clean")
"""The order of the help, which is the order of a transfer."""


class Command(Protocol):
    """The interface of a module of this package."""

    PURPOSE: str
    EXAMPLES: tuple[tuple[str, str], ...]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of this command. The shared options are declared by the parser."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command and return its exit code. Raises `TransferError` if it cannot continue."""


def commands() -> dict[str, Command]:
    """All commands by name, in the order of a transfer; others last."""
    names = {module.name for module in pkgutil.iter_modules(__path__)}
    ordered = [name for name in _ORDER if name in names] + sorted(names.difference(_ORDER))
    return {name: cast(Command, importlib.import_module(f"{__name__}.{name}")) for name in ordered}
