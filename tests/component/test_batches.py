"""A list of artifacts becomes runs by content, so that a small change stays a small change."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.references import Artifact
from components.batches import Batch, batches, short_hash

numbers = st.sets(st.integers(0, 100_000), max_size=400)


def artifact(number: int) -> Artifact:
    return Artifact("team/app", tag=str(number))


def split(found: set[int]) -> list[Batch]:
    return batches(map(artifact, found))


@given(numbers, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(found: set[int], chance: random.Random) -> None:
    shuffled = sorted(found)
    chance.shuffle(shuffled)
    assert batches(map(artifact, shuffled)) == split(found)


@given(numbers)
def test_batches_hold_every_artifact_once_and_at_most_50(found: set[int]) -> None:
    held = [each for batch in split(found) for each in batch.artifacts]
    assert sorted(held) == sorted(map(artifact, found))
    assert all(0 < len(batch.artifacts) <= ARTIFACTS_PER_RUN for batch in split(found))


@settings(max_examples=300)
@given(numbers, st.integers(0, 100_000))
def test_one_artifact_more_or_less_changes_at_most_two_batches(found: set[int], other: int) -> None:
    without, with_it = set(split(found - {other})), set(split(found | {other}))
    assert len(with_it - without) <= 2
    assert len(without - with_it) <= 2


@pytest.mark.parametrize("size", [50, 51, 100, 500, 3000])
def test_growing_a_list_by_one_never_changes_more_than_two_batches(size: int) -> None:
    before = set(split(set(range(size))))
    for number in range(size, size + 60):
        after = set(split(set(range(number + 1))))
        assert len(after - before) <= 2
        assert len(before - after) <= 2
        before = after


@given(numbers, numbers)
def test_a_name_stands_for_one_content_and_fits_acr(one: set[int], other: set[int]) -> None:
    named = {batch.name: batch for batch in split(one)}
    assert all(named.get(batch.name, batch) == batch for batch in split(other))
    assert all(re.fullmatch("[A-Za-z0-9]{5,50}", name) for name in named)


def test_other_lines_have_another_hash() -> None:
    assert len({short_hash("a", "b"), short_hash("b", "a"), short_hash("ab"), short_hash("a")}) == 4


def test_batches_are_filled_to_60_percent_on_average_at_every_size_from_250() -> None:
    for size in range(250, 3000, 171):
        made = [len(split(set(range(start, start + size)))) for start in range(0, 20_000, 1_000)]
        assert size * len(made) / (sum(made) * ARTIFACTS_PER_RUN) >= 0.6, size


def test_a_list_that_fits_one_run_is_one_run() -> None:
    assert len(split(set(range(ARTIFACTS_PER_RUN)))) == 1
    assert len(split(set(range(ARTIFACTS_PER_RUN + 1)))) == 2


def test_the_same_artifact_given_twice_is_transferred_once() -> None:
    assert [len(batch.artifacts) for batch in batches([artifact(1)] * 120)] == [1]


@given(numbers, st.integers(0, 100_000))
def test_a_tag_that_moves_changes_its_own_batch_and_its_name(found: set[int], moved: int) -> None:
    before = set(batches(pinned(number, "a") for number in found | {moved}))
    after = set(batches(pinned(number, "b" if number == moved else "a") for number in found | {moved}))
    assert len(before - after) == len(after - before) == 1
    assert {batch.name for batch in before - after}.isdisjoint(batch.name for batch in after)


@given(numbers, numbers)
def test_a_name_stands_for_one_content_with_and_without_a_lock(one: set[int], other: set[int]) -> None:
    splits = [split(one), batches(pinned(n, "a") for n in one), batches(pinned(n, "b") for n in other)]
    named: dict[str, Batch] = {}
    assert all(named.setdefault(batch.name, batch) == batch for made in splits for batch in made)


def pinned(number: int, content: str) -> Artifact:
    return Artifact.locked(artifact(number).reference, f"sha256:{content * 64}")
