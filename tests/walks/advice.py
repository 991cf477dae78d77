"""The commands that an output recommends, as a user would copy them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

_COMMAND = re.compile(r"^(?:fix:\s+)?((?:pulumi|acr-transfer|az) \S.*)$")
_QUOTED = re.compile(r"`((?:pulumi|acr-transfer|az) [^`]+)`")
_BLANK = re.compile(r"<([^<>]+)>")


class UnclearAdviceError(Exception):
    """A command has a blank whose meaning the user cannot know."""


def commands(output: str) -> list[str]:
    """The recommended commands of the first way out in an output, in order.

    A command has a line of its own. Only where no line is a command, the first between backticks counts.
    """
    lines = [_COMMAND.match(line.strip()) for line in output.splitlines()]
    first = itertools.takewhile(bool, itertools.dropwhile(lambda line: not line, lines))
    return [line[1] for line in first if line] or _QUOTED.findall(output)[:1]


def filled(command: str, value: Callable[[str], str | None]) -> str:
    """The command with its blanks filled, such as `<later>`. Raises `UnclearAdviceError`."""

    def fill(found: re.Match[str]) -> str:
        given = value(found[1])
        if given is None:
            raise UnclearAdviceError(f"{found[0]} in `{command}`")
        return given

    return _BLANK.sub(fill, command)
