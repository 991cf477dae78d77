"""The errors of set-up. Each message has the next step."""

from collections.abc import Sequence
from pathlib import Path


class SetupError(Exception):
    """A prerequisite is missing or could not be installed."""


class CommandError(SetupError):
    """A command failed; `output` is its whole output, which is in the file `log` too."""

    def __init__(self, command: Sequence[str], exit_code: int, output: str, log: Path) -> None:
        tail = "\n".join(f"  | {line}" for line in output.splitlines()[-12:]) or "  | (no output)"
        super().__init__(
            f"`{' '.join(command[:3])} ...` failed with exit code {exit_code}. Last lines:\n{tail}\n"
            f"Full output: {log}\n"
            "Next: fix the cause (often the network or a full disk), then run the same command again."
            " Completed installations are kept."
        )
        self.output = output
