"""A list of artifacts as people write it: one on each line, with comments, and all faults at once."""

import re
from pathlib import Path

from acr_transfer.file_reader import LIST_BYTES, read_text
from acr_transfer.model.credentials import quoted
from acr_transfer.model.errors import ModelError
from acr_transfer.model.references import Artifact, InvalidReferenceError

_COMMENT = re.compile(r"(?s)(?:^|\s)#.*")


class ArtifactListError(ModelError):
    """A list of artifacts has faults; the message lists `faults`, which are by their line numbers."""

    def __init__(self, faults: dict[int, str], name: str = "list of artifacts") -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "".join(f"\n  line {line}: {fault}" for line, fault in faults.items())
        super().__init__(f"The {name} has {count}:{lines}")
        self.faults = faults


def read_artifact_list(path: Path, registry: str = "") -> list[Artifact]:
    """Read a file as `parse_artifact_list` does; raises `TextFileError` too."""
    text = read_text(path, "list of artifacts", limit=LIST_BYTES)
    try:
        return parse_artifact_list(text, registry)
    except ArtifactListError as error:
        raise ArtifactListError(error.faults, f"list of artifacts {path}") from None


def parse_artifact_list(text: str, registry: str = "") -> list[Artifact]:
    """Read a list of artifacts in its order; an empty text gives an empty list.

    Empty lines, white space around a line and comments (from a `#` at the beginning or after white space) do
    not count. `Artifact.parse` reads each line with `registry`, the name or login server of the artifacts'
    registry. Raises one `ArtifactListError` for all lines that are not artifacts, or that name one again in
    any spelling.
    """
    first: dict[Artifact, int] = {}
    faults: dict[int, str] = {}
    for line, written in enumerate(text.split("\n"), start=1):
        if not (name := _COMMENT.sub("", written).strip()):
            continue
        try:
            artifact = Artifact.parse(name, registry)
        except InvalidReferenceError as error:
            faults[line] = str(error)
            continue
        if artifact in first:
            again = f"repeats {quoted(artifact.reference)} of line {first[artifact]}"
            faults[line] = f"{quoted(name)} {again}; expected each artifact once"
        first.setdefault(artifact, line)
    if faults:
        raise ArtifactListError(faults)
    return list(first)
