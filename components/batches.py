"""How a list of artifacts becomes runs: by content, so that a small change is a small change."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from .artifacts import Artifact

BATCH_LIMIT = 50
"""The most artifacts that one run takes.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

SPLIT = Fraction(7, 16)
"""Where a full interval is cut; chosen by measurement, see docs/adr/0004-batches-by-content.md."""

_HASHES = 1 << 256
_NAME_LENGTH = 40


@dataclass(frozen=True)
class Batch:
    """The artifacts of one run, sorted, at most `BATCH_LIMIT` of them."""

    artifacts: tuple[Artifact, ...]

    @property
    def references(self) -> list[str]:
        """The artifacts as a run takes them."""
        return [artifact.reference for artifact in self.artifacts]

    @property
    def identities(self) -> list[str]:
        """The lines that its names are hashed from: with a lock, digests are in them."""
        return [artifact.identity for artifact in self.artifacts]

    @property
    def name(self) -> str:
        """40 letters and digits that no batch of other content has."""
        return short_hash(*self.identities)


def short_hash(*lines: str) -> str:
    """Return 40 letters and digits that stand for these lines, in this order, and no others.

    They fit everywhere: ACR names its runs by 5 to 50 letters and digits, and case does not count there.
    """
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_NAME_LENGTH]


def batches(artifacts: Iterable[Artifact]) -> list[Batch]:
    """Split artifacts into batches by what they are, not by their order.

    The same artifacts always give the same batches, and adding or removing one changes at most two of them.
    Where an artifact goes depends on its reference alone: a tag that has moved changes no batch but its own.
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
    """Cut sorted hashes from `start` to `end`, all in `low` to `high`, into slices of at most `BATCH_LIMIT`.

    An interval is cut at a place that does not depend on what is in it: so a hash more or less
    touches its own slice alone, or cuts it in two, or joins it with its neighbour.
    """
    if start == end:
        return []
    if end - start <= BATCH_LIMIT:
        return [(start, end)]
    middle = low + (high - low) * split.numerator // split.denominator
    cut = bisect_left(hashes, middle, start, end)
    return leaves(hashes, start, cut, low, middle, split) + leaves(hashes, cut, end, middle, high, split)


def _hash(artifact: Artifact) -> int:
    return int.from_bytes(hashlib.sha256(artifact.reference.encode()).digest())
