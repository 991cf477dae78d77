"""The commands that an output recommends, recognised by the table of failures."""

from __future__ import annotations

import re

from acr_transfer.model.failures.failure import Failure
from acr_transfer.model.failures.steps import Step
from acr_transfer.model.failures.table import FAILURES

_LABEL = re.compile(r"^(fix:|or:)\s*")
_PROGRAM = re.compile(r"^(pulumi [a-z]|az [a-z]|acr-transfer [a-z]|find .* -delete$)")
_ALL = [step for failure in FAILURES.values() for way in failure.ways for step in way.steps]


def command_lines(output: str) -> list[str]:
    """Every line that is a command, in order."""
    lines = (_LABEL.sub("", line.strip()) for line in output.splitlines())
    return [line for line in lines if _PROGRAM.match(line)]


def foreign(output: str) -> list[str]:
    """The recommended commands that are not in the table."""
    return [line for line in command_lines(output) if not any(_is(line, step) for step in _ALL)]


def printed(output: str, failure: Failure) -> list[tuple[int, list[str]]]:
    """The ways out of a failure that an output has, each as its number in the table and its commands."""
    lines, found = command_lines(output), list[tuple[int, list[str]]]()
    for number, way in enumerate(failure.ways):
        size = len(way.steps)
        for start in range(len(lines) - size + 1):
            part = lines[start : start + size]
            if size and (number, part) not in found and all(map(_is, part, way.steps)):
                found.append((number, part))
    return found


def shows(output: str, failure: Failure) -> bool:
    """Whether an output has the meaning of a failure, however its lines are broken."""
    return " ".join(failure.why.split()) in " ".join(output.split())


def _is(line: str, step: Step) -> bool:
    """Whether a line is the command of a step, whatever its names are."""
    pattern = re.escape(step.command({}))
    return (
        re.fullmatch(re.sub(r"<[^>]*>", "(?:'.*'|<.*>|[^ ]+)", pattern.replace("\\ ", " ")), line) is not None
    )
