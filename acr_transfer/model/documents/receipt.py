"""The receipt: the artifacts that were proved at a target, so that the next plan leaves them out.

A receipt grows: the artifacts of earlier proofs stay in it. docs/receipt.schema.json describes the file.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Self

from acr_transfer.file_reader import is_missing
from acr_transfer.model.documents.fields import Bounded, Digest, FullReference, Host, Text
from acr_transfer.model.documents.json_document import Document, Record
from acr_transfer.model.errors import ModelError
from acr_transfer.model.visible_text import visible_line


class ProvedArtifact(Record):
    """One artifact that was proved."""

    reference: FullReference
    """The artifact as repository:tag or repository@sha256:<64 hex digits>."""

    digest: Digest
    """The digest of the bytes that were read at the target."""

    proved_at: Text
    """The time of the proof, in UTC."""


class Receipt(Document):
    """The artifacts that were proved at one target.

    `acr-transfer prove --receipt` writes it and adds to it; `acr-transfer plan --since` omits its artifacts.
    """

    kind: ClassVar[str] = "receipt"
    fix: ClassVar[str] = "create it again: acr-transfer prove --receipt {path}"

    registry: Host
    """The target's login server."""

    artifacts: Annotated[tuple[ProvedArtifact, ...], Bounded()]
    """Sorted by reference; references are unique."""

    @classmethod
    def of(cls, registry: str, artifacts: Iterable[ProvedArtifact] = ()) -> Self:
        """Return the receipt of a target; the last of several entries of one reference counts."""
        by_reference = {each.reference: each for each in artifacts}
        listed = tuple(by_reference[name] for name in sorted(by_reference))
        return cls.create(registry=registry, artifacts=listed)

    @classmethod
    def read_or_create(cls, path: Path, registry: str) -> Self:
        """Return the receipt in a file, or an empty one. Raises `ModelError` for one of another target."""
        if is_missing(path):
            return cls.of(registry)
        found = cls.read(path)
        if found.registry != registry:
            other = visible_line(found.registry)
            raise ModelError(
                f"The receipt {path} belongs to the registry {other}, this proof to {registry}.\n"
                "Fix: name another file; each target has its own receipt."
            )
        return found

    def after_proof(self, proved: Iterable[ProvedArtifact], lost: Iterable[str]) -> Self:
        """Return the receipt after another proof; `lost` are references that were not proved this time."""
        gone = set(lost)
        kept = [one for one in self.artifacts if one.reference not in gone]
        return self.of(self.registry, [*kept, *proved])

    @property
    def digests(self) -> dict[str, str]:
        """The proved digests by reference."""
        return {one.reference: one.digest for one in self.artifacts}
