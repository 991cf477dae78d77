"""The cause of a failure and the ways out of it, as text and as JSON."""

from typing import Any

from acr_transfer.cli.table import wrapped
from acr_transfer.model.failures.failure import Cause
from acr_transfer.model.visible_text import visible_line


def cause_lines(cause: Cause, indent: int) -> list[str]:
    """The meaning of a failure, and each way out of it with one line for each command.

    A command is never wrapped: a shell accepts a copy of its line.
    """
    lines = wrapped(f"why:  {cause.why}", indent, hanging=6)
    for number, (purpose, commands) in enumerate(cause.fixes):
        texts = [f"{purpose}:" if commands else purpose] if purpose else []
        texts += map(visible_line, commands)
        labels = ["or:" if number else "fix:", *[""] * len(texts)]
        lines += [f"{' ' * indent}{label:6}{text}" for label, text in zip(labels, texts, strict=False)]
    return lines


def cause_json(cause: Cause | None) -> dict[str, Any]:
    """`why`, `fix` (all ways as text) and `commands` (the command lines of the usual way)."""
    if cause is None:
        return {"why": None, "fix": None, "commands": []}
    return {"why": cause.why, "fix": cause.fix, "commands": cause.commands}
