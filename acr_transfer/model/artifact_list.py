"""A list of artifacts as people write it: one on each line, with comments, and all faults at once."""

import re
from pathlib import Path

from acr_transfer.file_reader import LIST_BYTES, read_text
from acr_transfer.model.credentials import quoted
from acr_transfer.model.errors import ModelError
from acr_transfer.model.references import Artifact, InvalidReferenceError

_COMMENT = re.compile(r"(?s)(?:^|\s)#.*")


_SHOWN_FAULTS = 100


class ArtifactListError(ModelError):
    """A list of artifacts has faults; the message lists the first hundred, by their line numbers."""

    def __init__(self, faults: dict[int, str], count: int, name: str = "list of artifacts") -> None:
        title = f"The {name} has {'1 fault' if count == 1 else f'{count} faults'}:"
        shown = [f"line {line}: {fault}" for line, fault in faults.items()]
        more = [f"and {count - len(faults)} more"] if count > len(faults) else []
        super().__init__("\n  ".join([title, *shown, *more]))
        self.faults, self.count = faults, count


def read_artifact_list(path: Path, registry: str = "") -> list[Artifact]:
    """Read a file as `parse_artifact_list` does; raises `TextFileError` too."""
    text = read_text(path, "list of artifacts", limit=LIST_BYTES)
    try:
        return parse_artifact_list(text, registry)
    except ArtifactListError as error:
        raise ArtifactListError(error.faults, error.count, f"list of artifacts {path}") from None


def parse_artifact_list(text: str, registry: str = "") -> list[Artifact]:
    """Read a list of artifacts in its order; an empty text gives an empty list.

    Empty lines, white space around a line and comments (from a `#` at the beginning or after white space) do
    not count. `Artifact.parse` reads each line with `registry`, the name or login server of the artifacts'
    registry. Raises one `ArtifactListError` for all lines that are not artifacts, or that name one again in
    any spelling.
    """
    first: dict[Artifact, int] = {}
    faults: dict[int, str] = {}
    count = 0
    seen = set[str]()
    for line, written in enumerate(text.split("\n"), start=1):
        name = _COMMENT.sub("", written).strip()
        if name in seen and count >= _SHOWN_FAULTS:
            count += 1  # a repeated line is a fault; millions of them need no message
        elif name and (fault := _add(name, line, registry, first)):
            count += 1
            if count <= _SHOWN_FAULTS:
                faults[line] = fault
        if name:
            seen.add(name)
    if faults:
        raise ArtifactListError(faults, count)
    return list(first)


def _add(name: str, line: int, registry: str, first: dict[Artifact, int]) -> str:
    """Add the artifact of a line to those of earlier lines, and return its fault."""
    try:
        artifact = Artifact.parse(name, registry)
    except InvalidReferenceError as error:
        return str(error)
    if artifact in first:
        again = f"repeats {quoted(artifact.reference)} of line {first[artifact]}"
        return f"{quoted(name)} {again}; expected each artifact once"
    first[artifact] = line
    return ""
