"""A list of artifacts as people write it: one on each line, with comments, and all faults at once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acr_transfer.file_reader import LIST_BYTES, read_text
from acr_transfer.model.credentials import quoted
from acr_transfer.model.errors import ModelError
from acr_transfer.model.references import Artifact, InvalidReferenceError, is_registry_host

_COMMENT = re.compile(r"(?s)(?:^|\s)#.*")


_SHOWN_FAULTS = 100


class ArtifactListError(ModelError):
    """A list of artifacts has faults; the message lists the first hundred, by their line numbers."""

    def __init__(
        self,
        faults: dict[int, str],
        count: int,
        name: str = "list of artifacts",
        hosts: Iterable[str] = (),
    ) -> None:
        title = f"The {name} has {'1 fault' if count == 1 else f'{count} faults'}:"
        shown = [f"line {line}: {fault}" for line, fault in faults.items()]
        more = [f"and {count - len(faults)} more"] if count > len(faults) else []
        super().__init__("\n  ".join([title, *shown, *more]))
        self.faults, self.count = faults, count
        self.hosts = sorted(set(hosts))
        """The hosts that lines with faults begin with."""


@dataclass(frozen=True, kw_only=True)
class ListForm:
    """The lines that a list may have in addition to artifacts alone."""

    prefixes: Sequence[str] = ()
    """Beginnings of lines that are left out, such as `docker.io`."""

    pins: bool = False
    """Whether `repository:tag@sha256:…` is allowed, a tag and the digest that it must have."""

    def parse(self, line: str, registry: str) -> Artifact:
        """Read one line. Raises `InvalidReferenceError`."""
        name = without_prefix(line, self.prefixes)
        return Artifact.parse_pinned(name, registry) if self.pins else Artifact.parse(name, registry)


def without_prefix(name: str, prefixes: Iterable[str]) -> str:
    """Return a name without the first of these prefixes that it has, and the slash after it."""
    found = (each.rstrip("/") + "/" for each in prefixes)
    return name.removeprefix(next((each for each in found if name.startswith(each)), ""))


def read_artifact_list(path: Path, registry: str = "", form: ListForm = ListForm()) -> list[Artifact]:
    """Read a file as `parse_artifact_list` does; raises `TextFileError` too."""
    text = read_text(path, "list of artifacts", limit=LIST_BYTES)
    try:
        return parse_artifact_list(text, registry, form)
    except ArtifactListError as error:
        name = f"list of artifacts {path}"
        raise ArtifactListError(error.faults, error.count, name, error.hosts) from None


def parse_artifact_list(text: str, registry: str = "", form: ListForm = ListForm()) -> list[Artifact]:
    """Read a list of artifacts in its order; an empty text gives an empty list.

    Empty lines, white space around a line and comments (from a `#` at the beginning or after white space) do
    not count. `form` reads each line with `registry`, the name or login server of the artifacts'
    registry. Raises one `ArtifactListError` for all lines that are not artifacts, or that name one again in
    any spelling.
    """
    first: dict[Artifact, tuple[int, Artifact]] = {}
    faults: dict[int, str] = {}
    count = 0
    seen, hosts = set[str](), set[str]()
    for line, written in enumerate(text.split("\n"), start=1):
        name = _COMMENT.sub("", written).strip()
        if name in seen and count >= _SHOWN_FAULTS:
            count += 1  # a repeated line is a fault; millions of them need no message
        elif name and (fault := _add(name, line, registry, first, form)):
            count += 1
            hosts |= _hosts(without_prefix(name, form.prefixes), registry)
            if count <= _SHOWN_FAULTS:
                faults[line] = fault
        if name:
            seen.add(name)
    if faults:
        raise ArtifactListError(faults, count, hosts=hosts)
    return [artifact for _, artifact in first.values()]


def _hosts(name: str, registry: str) -> set[str]:
    first, slash, _ = name.partition("/")
    return {first} if slash and is_registry_host(first, registry) else set()


def _add(
    name: str, line: int, registry: str, first: dict[Artifact, tuple[int, Artifact]], form: ListForm
) -> str:
    """Add the artifact of a line to those of earlier lines, and return its fault."""
    try:
        artifact = form.parse(name, registry)
    except InvalidReferenceError as error:
        return str(error)
    named = replace(artifact, pinned="")
    if named in first:
        again = f"repeats {quoted(artifact.reference)} of line {first[named][0]}"
        return f"{quoted(name)} {again}; expected each artifact once"
    first[named] = (line, artifact)
    return ""
