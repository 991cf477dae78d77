"""The lock: which artifacts move, each pinned to the digest that it had at one moment.

docs/lock.schema.json describes the file. The same artifacts give the same bytes, on any machine, at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from acr_transfer import documents
from acr_transfer.documents import Faults, digest_fault, size_fault, text_fault
from acr_transfer.errors import InputError

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?=[^:@]{{1,255}}[:@]){_NAME}(?:/{_NAME})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}|@sha256:[0-9a-f]{{64}})"
)
"""An artifact in full.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

MEND = "Make it anew with `acr-transfer plan`."


@dataclass(frozen=True, kw_only=True)
class Child:
    """One manifest that an index lists, at any depth."""

    digest: str
    media_type: str
    size: int
    """The manifest's own bytes."""

    platform: str = ""
    """Like `linux/arm64/v8`; empty where the index does not say."""

    def document(self) -> dict[str, Any]:
        """As the lock spells it."""
        said = {"digest": self.digest, "mediaType": self.media_type, "size": self.size}
        return said | ({"platform": self.platform} if self.platform else {})

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From a checked document."""
        return cls(
            digest=document["digest"],
            media_type=document["mediaType"],
            size=document["size"],
            platform=document.get("platform", ""),
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One artifact: what it is called, and which content that means."""

    reference: str
    """`repository:tag`, or `repository@sha256:…`."""

    digest: str
    media_type: str
    size: int
    """Bytes of the manifest and of all that it needs, each blob once."""

    artifact_type: str = ""
    subject: str = ""
    """The digest of what this one says something about; empty for what stands for itself."""

    children: tuple[Child, ...] = ()
    referrers: tuple[str, ...] = ()
    """Digests of what says something about this one, or about a child of it."""

    @property
    def repository(self) -> str:
        """The reference without its tag or digest."""
        return self.reference.partition("@")[0].partition(":")[0]

    @property
    def tag(self) -> str:
        """The tag; empty if it is named by its digest."""
        return "" if "@" in self.reference else self.reference.partition(":")[2]

    def document(self) -> dict[str, Any]:
        """As lock and hand-over spell it."""
        said: dict[str, Any] = {
            "reference": self.reference,
            "digest": self.digest,
            "mediaType": self.media_type,
            "size": self.size,
            "children": [child.document() for child in self.children],
            "referrers": list(self.referrers),
        }
        if self.artifact_type:
            said["artifactType"] = self.artifact_type
        return said | ({"subject": self.subject} if self.subject else {})

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From a checked document."""
        return cls(
            reference=document["reference"],
            digest=document["digest"],
            media_type=document["mediaType"],
            size=document["size"],
            artifact_type=document.get("artifactType", ""),
            subject=document.get("subject", ""),
            children=tuple(map(Child.of, document["children"])),
            referrers=tuple(document["referrers"]),
        )


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Artifacts of one registry, sorted by reference."""

    registry: str
    """The login server of the registry that was looked at."""

    entries: tuple[Entry, ...] = field(default=())

    @classmethod
    def made(cls, registry: str, entries: Iterable[Entry]) -> Self:
        """A lock of these entries, whatever their order; one that comes twice counts once."""
        by_reference = {entry.reference: entry for entry in entries}
        return cls(registry=registry, entries=tuple(by_reference[name] for name in sorted(by_reference)))

    def document(self) -> dict[str, Any]:
        """The whole file as one object, its checksum included."""
        said: dict[str, Any] = {
            "schema": 1,
            "registry": self.registry,
            "artifacts": [entry.document() for entry in self.entries],
        }
        return said | {"checksum": documents.checksum(said)}

    def content(self) -> bytes:
        """The bytes of the file."""
        return documents.spelled(self.document())

    def write(self, path: Path) -> None:
        """Write the file; it is never seen half written."""
        documents.write(path, self.content(), "lock")


def read_lock(path: Path) -> Lock:
    """The lock in a file. Raises one `InputError` that lists whatever is wrong with it."""
    document = documents.read(path, "lock", lock_faults, MEND)
    return Lock(registry=document["registry"], entries=tuple(map(Entry.of, document["artifacts"])))


def lock_faults(document: Mapping[str, Any]) -> Faults:
    """What does not fit the schema, each with its place."""
    yield from text_fault(document.get("registry"), "registry")
    yield from entries_faults(document.get("artifacts"))


def entries_faults(entries: object) -> Faults:
    """What is wrong with the list of artifacts in a lock or a hand-over."""
    if not isinstance(entries, list):
        yield "artifacts: not a list"
        return
    seen = set[object]()
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            yield f"artifacts[{number}]: not an object"
            continue
        yield from _entry_faults(entry, f"artifacts[{number}]")
        reference = entry.get("reference")
        if isinstance(reference, str) and reference in seen:
            yield f"artifacts[{number}].reference: {reference!r} is there twice"
        seen.add(reference if isinstance(reference, str) else None)


def _entry_faults(entry: Mapping[str, Any], where: str) -> Faults:
    if not isinstance(entry.get("reference"), str) or not REFERENCE.fullmatch(entry["reference"]):
        yield f"{where}.reference: {entry.get('reference')!r}; expected repository:tag or repository@sha256:…"
    yield from digest_fault(entry.get("digest"), f"{where}.digest")
    yield from text_fault(entry.get("mediaType"), f"{where}.mediaType")
    yield from size_fault(entry.get("size"), f"{where}.size")
    if "artifactType" in entry:
        yield from text_fault(entry["artifactType"], f"{where}.artifactType")
    if "subject" in entry:
        yield from digest_fault(entry["subject"], f"{where}.subject")
    yield from _listed(entry.get("referrers"), f"{where}.referrers", digest_fault)
    yield from _listed(entry.get("children"), f"{where}.children", _child_faults)
    named = str(entry.get("reference")).partition("@")[2]
    if named and named != entry.get("digest"):
        yield f"{where}.digest: {entry.get('digest')!r}; the reference says {named!r}"


def _child_faults(child: object, where: str) -> Faults:
    if not isinstance(child, dict):
        yield f"{where}: not an object"
        return
    yield from digest_fault(child.get("digest"), f"{where}.digest")
    yield from text_fault(child.get("mediaType"), f"{where}.mediaType")
    yield from size_fault(child.get("size"), f"{where}.size")
    if "platform" in child:
        yield from text_fault(child["platform"], f"{where}.platform")


def _listed(values: object, where: str, fault: Any) -> Faults:
    if not isinstance(values, list):
        yield f"{where}: not a list"
        return
    for number, value in enumerate(values):
        yield from fault(value, f"{where}[{number}]")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a lock has that another has not."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    moved: tuple[tuple[Entry, Entry], ...]
    """The same reference with another digest: before and after."""

    unchanged: int

    @property
    def any(self) -> bool:
        """Whether the two differ at all."""
        return bool(self.added or self.removed or self.moved)


def difference(old: Lock, new: Lock) -> Difference:
    """What changed from one lock to the other. Raises `InputError` for locks of two registries."""
    if old.registry != new.registry:
        raise InputError(
            f"the locks are of two registries, {old.registry} and {new.registry}: nothing to compare"
        )
    before = {entry.reference: entry for entry in old.entries}
    after = {entry.reference: entry for entry in new.entries}
    both = [(before[name], after[name]) for name in before.keys() & after.keys()]
    moved = sorted(
        (pair for pair in both if pair[0].digest != pair[1].digest), key=lambda pair: pair[1].reference
    )
    return Difference(
        added=tuple(entry for name, entry in after.items() if name not in before),
        removed=tuple(entry for name, entry in before.items() if name not in after),
        moved=tuple(moved),
        unchanged=len(both) - len(moved),
    )
