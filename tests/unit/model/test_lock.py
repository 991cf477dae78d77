"""The lock: the same artifacts give the same bytes, and a difference is all that changed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acr_transfer.model.documents.lock import Lock, LockedArtifact, LockedManifest, compare_locks
from acr_transfer.model.errors import ModelError

digests = st.integers(0, 2**256 - 1).map("sha256:{:064x}".format)
names = st.sampled_from(["app", "shop/web", "a/b/c", "tools__x", "x-y.z"])
tags = st.text("Aa0._-", min_size=1, max_size=6).map("v{}".format)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
children = st.builds(
    LockedManifest.build,
    digest=digests,
    media_type=words,
    size=st.integers(0, 2**40),
    platform=st.sampled_from(["", "linux/amd64"]),
)


@st.composite
def entries(draw: st.DrawFn) -> LockedArtifact:
    digest = draw(digests)
    name = draw(names)
    reference = f"{name}:{draw(tags)}" if draw(st.booleans()) else f"{name}@{digest}"
    return LockedArtifact.build(
        reference=reference,
        digest=digest,
        media_type=draw(words),
        size=draw(st.integers(0, 2**50)),
        artifact_type=draw(st.one_of(st.just(""), words)),
        subject=draw(st.one_of(st.just(""), digests)),
        children=tuple(draw(st.lists(children, max_size=3))),
        referrers=tuple(draw(st.lists(digests, max_size=3))),
    )


locks = st.lists(entries(), max_size=8, unique_by=lambda entry: entry.reference)


@settings(max_examples=30)
@given(locks, st.randoms())
def test_the_same_artifacts_give_the_same_bytes_whatever_their_order(
    listed: list[LockedArtifact], chance: random.Random
) -> None:
    shuffled = list(listed)
    chance.shuffle(shuffled)
    content = Lock.of("host:1", listed).content()
    assert Lock.of("host:1", [*shuffled, *listed]).content() == content
    document = json.loads(content)
    assert [entry["reference"] for entry in document["artifacts"]] == sorted(
        entry.reference for entry in listed
    )


@settings(max_examples=30)
@given(locks)
def test_a_lock_that_was_written_is_read_as_it_was(listed: list[LockedArtifact]) -> None:
    lock = Lock.of("host:1", listed)
    assert Lock.parse(lock.content().decode()) == lock


def entry(reference: str, number: int = 1, **more: Any) -> LockedArtifact:
    digest = reference.partition("@")[2] or f"sha256:{number:064x}"
    return LockedArtifact(
        reference=reference, digest=digest, media_type="m", size=number, children=(), referrers=(), **more
    )


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    lock = Lock.of("host:1", [entry("app:v1"), entry("tool:v2", 2)])
    lock.write(tmp_path / "new folder" / "lock.json")
    assert Lock.read(tmp_path / "new folder" / "lock.json") == lock
    assert list((tmp_path / "new folder").iterdir()) == [tmp_path / "new folder" / "lock.json"]


@settings(max_examples=30)
@given(locks, locks)
def test_a_difference_is_all_that_turns_one_lock_into_the_other(
    before: list[LockedArtifact], after: list[LockedArtifact]
) -> None:
    old, new = Lock.of("h", before), Lock.of("h", after)
    found = compare_locks(old, new)
    gone = {one.reference for one in found.removed} | {pair[0].reference for pair in found.moved}
    made = {one.reference: one.digest for one in old.artifacts if one.reference not in gone}
    made |= {one.reference: one.digest for one in (*found.added, *(pair[1] for pair in found.moved))}
    assert made == {one.reference: one.digest for one in new.artifacts}
    assert found.any == bool(gone or found.added)
    assert found.unchanged + len(found.moved) + len(found.added) == len(new.artifacts)


def test_locks_of_two_registries_are_not_compared() -> None:
    with pytest.raises(ModelError, match="two registries"):
        compare_locks(Lock.of("a", []), Lock.of("b", []))
