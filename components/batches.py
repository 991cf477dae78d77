"""Splits a list of artifacts into runs by content, so that a small change stays a small change."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.references import Artifact

SPLIT = Fraction(7, 16)
"""The cut of a full interval, chosen by measurement: docs/adr/0004-batches-by-content.md."""

_HASHES = 1 << 256
_NAME_LENGTH = 40


@dataclass(frozen=True)
class Batch:
    """The artifacts of one run, sorted, at most `ARTIFACTS_PER_RUN` of them."""

    artifacts: tuple[Artifact, ...]

    @property
    def references(self) -> list[str]:
        """The artifacts in the form that a run takes."""
        return [artifact.reference for artifact in self.artifacts]

    @property
    def identities(self) -> list[str]:
        """The lines that its names are hashed from: with a lock, they include digests."""
        return [artifact.identity for artifact in self.artifacts]

    @property
    def name(self) -> str:
        """40 letters and digits that identify the content."""
        return short_hash(*self.identities)


def short_hash(*lines: str) -> str:
    """Return 40 letters and digits that identify these lines in this order.

    ACR accepts them as names of runs: 5 to 50 letters and digits, in any letter case.
    """
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_NAME_LENGTH]


def batches(artifacts: Iterable[Artifact]) -> list[Batch]:
    """Split artifacts into batches by their content, not by their order.

    The same artifacts always give the same batches, and adding or removing one changes at most two of them.
    The batch of an artifact depends on its reference alone: a tag that has moved changes only its own batch.
    """
    hashed = sorted((_hash(artifact), artifact) for artifact in set(artifacts))
    hashes = [value for value, _ in hashed]
    return [
        Batch(tuple(sorted(artifact for _, artifact in hashed[start:end])))
        for start, end in leaves(hashes, 0, len(hashes), 0, _HASHES)
    ]


def leaves(
    hashes: Sequence[int], start: int, end: int, low: int, high: int, split: Fraction = SPLIT
) -> list[tuple[int, int]]:
    """Cut sorted hashes from `start` to `end`, all in `low` to `high`, into slices of a run's size.

    The cut of an interval does not depend on the hashes in it: one hash more or less changes only its own
    slice, cuts it in two, or joins it with its neighbor.
    """
    if start == end:
        return []
    if end - start <= ARTIFACTS_PER_RUN:
        return [(start, end)]
    middle = low + (high - low) * split.numerator // split.denominator
    cut = bisect_left(hashes, middle, start, end)
    return leaves(hashes, start, cut, low, middle, split) + leaves(hashes, cut, end, middle, high, split)


def _hash(artifact: Artifact) -> int:
    return int.from_bytes(hashlib.sha256(artifact.reference.encode()).digest())
