"""A list of artifacts as people write it: one a line, with comments, and all faults told at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .artifacts import Artifact, ArtifactError

_COMMENT = re.compile(r"(?s)(?:^|\s)#.*")
_MARK = "\ufeff"
"""The byte order mark that some editors begin a file with."""


@dataclass(frozen=True)
class ListingFault:
    """One line that names no artifact, or one that was named before."""

    line: int
    """The line's number, from 1."""

    text: str
    """What the line says, without its comment and the white space around it."""

    reason: str
    """What is wrong with it and what was expected."""

    def __str__(self) -> str:
        """The fault as one line of a message."""
        return f"line {self.line}: {self.text!r} {self.reason}"


class ListingError(ValueError):
    """A list cannot be transferred as it is: one line of the message a fault, and `faults` as values."""

    def __init__(self, faults: list[ListingFault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"The list of artifacts has {count}:\n  " + "\n  ".join(map(str, faults)))
        self.faults = faults


def artifacts_of(text_or_lines: str | Iterable[str], registry: str = "") -> list[Artifact]:
    """Read a list of artifacts, one a line, in its order; an empty list is none, not an error.

    Empty lines, white space around a line, and comments (from a `#` at its beginning or after white space
    to its end) do not count. Each line is read as `Artifact.parse` does with `registry`, the name or
    login server of the registry that the artifacts are in. Raises one `ListingError` with every line that
    cannot be read and every one that names an artifact again, in whatever spelling.
    """
    lines = text_or_lines.split("\n") if isinstance(text_or_lines, str) else text_or_lines
    first: dict[Artifact, int] = {}
    faults: list[ListingFault] = []
    for line, written in enumerate(lines, start=1):
        if not (text := _without_comment(written)):
            continue
        try:
            artifact = Artifact.parse(text, registry)
        except ArtifactError as error:
            faults.append(ListingFault(line, text, error.reason))
            continue
        if artifact in first:
            faults.append(ListingFault(line, text, _twice(artifact, first[artifact])))
        first.setdefault(artifact, line)
    if faults:
        raise ListingError(faults)
    return list(first)


def _without_comment(written: str) -> str:
    return _COMMENT.sub("", written.removeprefix(_MARK)).strip()


def _twice(artifact: Artifact, line: int) -> str:
    return f"names {artifact.reference!r}, as line {line} does; expected each artifact once"
