"""The errors of set-up. Each message has the next step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self


class SetupError(Exception):
    """A prerequisite could not be installed."""


class MissingPrerequisiteError(SetupError):
    """Programs that set-up requires are not installed."""


class CommandError(SetupError):
    """A command failed; `output` is its whole output."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output

    @classmethod
    def of(cls, command: Sequence[str], exit_code: int, output: str, log: Path) -> Self:
        """Describe the command, the end of its output, the path of the log and the next step."""
        tail = "\n".join(f"  | {line}" for line in output.splitlines()[-12:]) or "  | (no output)"
        return cls(
            f"`{' '.join(command[:3])} ...` failed with exit code {exit_code}. Last lines:\n{tail}\n"
            f"Full output: {log}\n"
            "Next: fix the cause (often the network or a full disk), then run the same command again."
            " Completed installations are kept.",
            output,
        )
