"""The lock: the artifacts of one transfer, each pinned to a digest.

The same artifacts give the same bytes, on any machine, at any time. docs/lock.schema.json describes the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from acr_transfer.model.documents.fields import Bounded, Bytes, Digest, FullReference, Host, Text, fault
from acr_transfer.model.documents.json_document import Document, Record
from acr_transfer.model.errors import ModelError
from acr_transfer.model.references import Artifact, listed, repeated, split_reference
from acr_transfer.model.visible_text import visible_line


class LockedManifest(Record):
    """One manifest that an index lists, at any depth."""

    digest: Digest
    """The manifest's digest."""

    media_type: Text
    """The manifest's media type."""

    size: Bytes
    """The manifest's own bytes."""

    platform: Text = ""
    """The platform that the manifest runs on, as os/architecture[/variant]."""


class LockedArtifact(Record):
    """One artifact as `acr-transfer plan` found it."""

    reference: FullReference
    """The artifact as repository:tag or repository@sha256:<64 hex digits>."""

    digest: Digest
    """The digest of the manifest that the reference names."""

    media_type: Text
    """The manifest's media type."""

    size: Bytes
    """The bytes of the manifest and of everything that it needs, each blob once."""

    artifact_type: Text = ""
    """The artifact's type, if the manifest states one."""

    subject: Digest = ""
    """The digest of the manifest that this one refers to, as a signature does."""

    children: Annotated[tuple[LockedManifest, ...], Bounded()]
    """The manifests of an index; empty for any other manifest."""

    referrers: Annotated[tuple[Digest, ...], Bounded()]
    """The digests of the manifests that refer to this one, such as signatures. Each is an artifact too."""

    @property
    def repository(self) -> str:
        """The reference without its tag or digest."""
        return split_reference(self.reference)[0]

    @property
    def tag(self) -> str:
        """The reference's tag; empty if it names a digest."""
        return split_reference(self.reference)[1]

    @property
    def artifact(self) -> Artifact:
        """The reference, pinned to the digest."""
        return Artifact.locked(self.reference, self.digest)

    @model_validator(mode="after")
    def _fits_its_reference(self) -> Self:
        named = split_reference(self.reference)[2]
        if named and named != self.digest:
            raise fault(f"has the digest {self.digest}, but its reference is {self.reference}")
        return self


def _each_reference_once(entries: tuple[LockedArtifact, ...]) -> tuple[LockedArtifact, ...]:
    if twice := repeated(entry.reference for entry in entries):
        raise fault(f"repeats {listed(twice)}; references must be unique")
    return entries


LockedArtifacts = Annotated[tuple[LockedArtifact, ...], Bounded(), AfterValidator(_each_reference_once)]


class Lock(Document):
    """The artifacts that `acr-transfer plan` chose, each with its digest at that moment.

    The source stack reads it (`acr-transfer:lock`). It holds no time, so the same content gives the same
    bytes: keys sorted, two spaces, a line feed at the end.
    """

    kind: ClassVar[str] = "lock"
    fix: ClassVar[str] = "create it again: acr-transfer plan --out {path}"

    registry: Host
    """The login server of the source registry, with its port if it has one."""

    artifacts: LockedArtifacts
    """Sorted by reference; references are unique."""

    @classmethod
    def of(cls, registry: str, artifacts: Iterable[LockedArtifact]) -> Self:
        """Return a lock of these artifacts, whatever their order; one that is given twice counts once."""
        by_reference = {each.reference: each for each in artifacts}
        listed = tuple(by_reference[name] for name in sorted(by_reference))
        return cls.create(registry=registry, artifacts=listed)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The references without those that a plan finds again as referrers of another artifact here."""
        known = {(entry.repository, entry.digest) for entry in self.artifacts}
        known |= {(entry.repository, child.digest) for entry in self.artifacts for child in entry.children}
        return tuple(
            entry.reference for entry in self.artifacts if (entry.repository, entry.subject) not in known
        )


@dataclass(frozen=True, kw_only=True)
class LockDifference:
    """The difference between two locks of one registry."""

    added: tuple[LockedArtifact, ...]
    removed: tuple[LockedArtifact, ...]
    moved: tuple[tuple[LockedArtifact, LockedArtifact], ...]
    """The same reference with another digest: before and after."""

    unchanged: int

    @property
    def any(self) -> bool:
        """Whether the locks differ at all."""
        return bool(self.added or self.removed or self.moved)


def compare_locks(old: Lock, new: Lock) -> LockDifference:
    """Return the changes from one lock to the other. Raises `ModelError` for locks of two registries."""
    if old.registry != new.registry:
        registries = visible_line(f"{old.registry} and {new.registry}")
        raise ModelError(f"The locks belong to two registries, {registries}, and cannot be compared.")
    before = {entry.reference: entry for entry in old.artifacts}
    after = {entry.reference: entry for entry in new.artifacts}
    both = [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
    moved = tuple(pair for pair in both if pair[0].digest != pair[1].digest)
    return LockDifference(
        added=tuple(entry for name, entry in after.items() if name not in before),
        removed=tuple(entry for name, entry in before.items() if name not in after),
        moved=moved,
        unchanged=len(both) - len(moved),
    )
