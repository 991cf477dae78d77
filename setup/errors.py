"""Why the set-up could not go on; each message says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self


class SetupError(Exception):
    """Something could not be installed; the message is all that a user has to read."""


class MissingPrerequisiteError(SetupError):
    """Programs that set-up needs are not on this machine."""


class CommandError(SetupError):
    """A command ended with a failure; `output` is all that it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output

    @classmethod
    def of(cls, command: Sequence[str], exit_code: int, output: str, log: Path) -> Self:
        """Show the command, the last lines of its output, the whole log's path and what to do next."""
        tail = "\n".join(f"  | {line}" for line in output.splitlines()[-12:]) or "  | (it printed nothing)"
        return cls(
            f"`{' '.join(command[:3])} ...` failed with exit code {exit_code}. Its last lines:\n{tail}\n"
            f"The whole output: {log}\n"
            "Next: mend what these lines name (often the network or a full disk), then run the same command"
            " again; what was installed before is kept.",
            output,
        )
