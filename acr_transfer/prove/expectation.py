"""The artifacts that a target must hold, read from a hand-over or from a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock, LockedArtifact


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The artifacts that were exported, and their digests as far as the document pins them."""

    document: str
    """The document that it was read from, for messages."""

    registry: str
    """The source's login server."""

    artifacts: tuple[str, ...]
    """References, sorted, each once."""

    entries: Mapping[str, LockedArtifact]
    """The lock's entries by reference; empty without a lock."""

    checksum: str
    """The document's checksum."""

    @property
    def is_pinned(self) -> bool:
        """Whether every digest is known; otherwise the digests of tags must be read at the source."""
        return all("@" in name or name in self.entries for name in self.artifacts)

    @classmethod
    def of_handover(cls, handover: Handover, origin: str) -> Self:
        """The artifacts of a hand-over; `origin` is its stack or its file."""
        return cls(
            document=f"hand-over {origin}",
            registry=handover.source.login_server,
            artifacts=tuple(handover.references),
            entries={entry.reference: entry for entry in handover.artifacts},
            checksum=handover.checksum,
        )

    @classmethod
    def of_handover_file(cls, path: Path) -> Self:
        """The artifacts of a hand-over in a file. Raises `ModelError` with every fault."""
        return cls.of_handover(Handover.read(path), str(path))

    @classmethod
    def of_lock_file(cls, path: Path) -> Self:
        """The artifacts of a lock. Raises `ModelError` with every fault."""
        lock = Lock.read(path)
        entries = {entry.reference: entry for entry in lock.artifacts}
        return cls(
            document=f"lock {path}",
            registry=lock.registry,
            artifacts=tuple(entries),
            entries=entries,
            checksum=lock.checksum,
        )
