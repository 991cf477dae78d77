"""The hand-over: what was exported, as the source stack puts it out or as a file carries it.

docs/handover.schema.json describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr_transfer import documents
from acr_transfer.azure.stacks import Stack
from acr_transfer.documents import Faults, digest_fault, text_fault
from acr_transfer.lock import Entry, entries_faults, read_lock

MEND = "Get it anew: pulumi stack output handover --stack <source> > handover.json"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What must arrive."""

    what: str
    """What it was read from, for messages."""

    registry: str
    """The source's login server; empty where the document does not say."""

    artifacts: tuple[str, ...]
    """References, sorted, each once: batches are in no order that a reader knows."""

    entries: Mapping[str, Entry]
    """What the lock said of them, by reference; empty if there was no lock."""

    checksum: str
    """What stands for the document; empty for one of an older program."""


def exported_by(stack: Stack) -> Exported:
    """What a source stack put out. Raises `StackError` or `InputError` if it cannot be used."""
    blobs = stack.handover()
    document: Mapping[str, Any] = stack.outputs["handover"]
    what = f"the hand-over of stack {stack.name!r}"
    if "checksum" in document:
        documents.checked(dict(document), what, faults, f"Run `pulumi up --stack {stack.name}` again.")
    artifacts = [artifact for blob in blobs for artifact in blob.artifacts]
    return _exported(document, what, artifacts)


def read_handover(path: Path) -> Exported:
    """What a file says was exported. Raises one `InputError` that lists whatever is wrong with it."""
    document = documents.read(path, "hand-over", faults, MEND)
    artifacts = [artifact for blob in document["blobs"] for artifact in blob["artifacts"]]
    return _exported(document, f"hand-over {path}", artifacts)


def of_lock(path: Path) -> Exported:
    """What a lock says shall arrive. Raises one `InputError` that lists whatever is wrong with it."""
    lock = read_lock(path)
    return Exported(
        what=f"lock {path}",
        registry=lock.registry,
        artifacts=tuple(entry.reference for entry in lock.entries),
        entries={entry.reference: entry for entry in lock.entries},
        checksum=lock.document()["checksum"],
    )


def _exported(document: Mapping[str, Any], what: str, artifacts: list[str]) -> Exported:
    entries = [Entry.of(entry) for entry in document.get("artifacts") or ()]
    return Exported(
        what=what,
        registry=str((document.get("source") or {}).get("loginServer") or ""),
        artifacts=tuple(sorted(set(artifacts))),
        entries={entry.reference: entry for entry in entries},
        checksum=str(document.get("checksum") or ""),
    )


def faults(document: Mapping[str, Any]) -> Faults:
    """What is wrong with a hand-over, but for its checksum."""
    source = document.get("source")
    if not isinstance(source, dict):
        yield "source: not an object"
    else:
        yield from text_fault(source.get("loginServer"), "source.loginServer")
        yield from text_fault(source.get("containerUrl"), "source.containerUrl")
    yield from digest_fault(document.get("checksum"), "checksum")
    yield from entries_faults(document.get("artifacts"))
    blobs = document.get("blobs")
    if not isinstance(blobs, list):
        yield "blobs: not a list"
        return
    for number, blob in enumerate(blobs):
        yield from _blob_faults(blob, f"blobs[{number}]")


def _blob_faults(blob: object, where: str) -> Faults:
    if not isinstance(blob, dict):
        yield f"{where}: not an object"
        return
    yield from text_fault(blob.get("name"), f"{where}.name")
    artifacts = blob.get("artifacts")
    if not isinstance(artifacts, list):
        yield f"{where}.artifacts: not a list"
        return
    for number, artifact in enumerate(artifacts):
        yield from text_fault(artifact, f"{where}.artifacts[{number}]")
