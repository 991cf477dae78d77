"""Digests of a lock compared with those of a registry now."""

import asyncio

from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.registry.moved_tags import MovedTag, moved_tags, read_digests
from tests.unit.registry.memory_registry import IMAGE, MemoryRegistry, image


def entry(reference: str, digest: str) -> LockedArtifact:
    return LockedArtifact(
        reference=reference, digest=digest, media_type=IMAGE, size=1, children=(), referrers=()
    )


def test_moved_and_deleted_references_are_found() -> None:
    registry = MemoryRegistry()
    kept = registry.put("app", image("kept"), "kept")
    old, new = image("old").digest, registry.put("app", image("new"), "moved")
    gone = image("gone").digest
    entries = [
        entry("app:kept", kept),
        entry("app:moved", old),
        entry("app:gone", gone),
        entry(f"app@{gone}", gone),
    ]
    now = asyncio.run(read_digests([each.reference for each in entries], registry))
    assert moved_tags(entries, now) == [
        MovedTag(reference="app:moved", planned=old, now=new),
        MovedTag(reference="app:gone", planned=gone, now=""),
        MovedTag(reference=f"app@{gone}", planned=gone, now=""),
    ]
