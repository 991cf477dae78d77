"""Random walks: changes, deletions and kills, and then only printed advice until the pair is healthy.

WALKS_SECONDS=900 .venv/bin/python -m pytest tests/walks -n 2     walks for that time, as `make soak` does
WALKS_ONLY="hop is killed,the vault is deleted" ...               with these changes only
WALKS_SHOW=1 ...                                                  with the output of every command
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.walks.changes import CHANGES
from tests.walks.walker import Walk, Walker
from tests.walks.world import World

SECONDS = float(os.environ.get("WALKS_SECONDS", "0"))
SHORT = (
    ("the container is deleted",),
    ("the engine is killed", "a new tag is listed"),
    ("a tag moves at the source",),
    ("the trigger is switched", "a tag moves at the source"),
    ("the pipeline is renamed",),
)
"""The walks of `make test`."""


@pytest.mark.parametrize("seed", (1, 2) if SECONDS else (1,))
def test_every_walk_ends_well(seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def say(line: str) -> None:
        with capfd.disabled():
            print(line, flush=True)

    chance = random.Random(seed)
    walks = list(_walks(_plan(chance) if SECONDS else SHORT, chance, tmp_path, say))
    steps = Counter(walk.steps for walk in walks if not walk.fault)
    bad = [walk.line() for walk in walks if walk.fault]
    say(f"walks: {len(walks)}, {len(bad)} ended badly; by the number of steps: {dict(sorted(steps.items()))}")
    assert bad == []


def _walks(
    plan: Iterator[tuple[str, ...]] | tuple[tuple[str, ...], ...],
    chance: random.Random,
    folder: Path,
    say: Callable[[str], None],
) -> Iterator[Walk]:
    """Walk in one world, and in a new one after each walk that ended badly."""
    end = time.monotonic() + SECONDS
    walker = None
    try:
        for number, changes in enumerate(plan, start=1):
            if SECONDS and time.monotonic() > end:
                break
            walker = walker or _walker(folder / str(number), chance, say)
            begun = time.monotonic()
            walk = walker.walk(changes)
            say(f"{number}. {time.monotonic() - begun:.0f} s {walk.line()}")
            yield walk
            if walk.fault:
                walker.world.close()
                walker = None
    finally:
        if walker:
            walker.world.close()


def _walker(folder: Path, chance: random.Random, say: Callable[[str], None]) -> Walker:
    """A walker in a new world, whose first transfer succeeds."""
    folder.mkdir()
    walker = Walker(World.new(folder), chance, say)
    first = walker.walk(())
    assert not first.fault, first.fault
    return walker


def _plan(chance: random.Random) -> Iterator[tuple[str, ...]]:
    """Every change alone once, each followed by a combination; then combinations for ever."""
    only = os.environ.get("WALKS_ONLY")
    names = [name for name in sorted(CHANGES) if not only or name in only.split(",")]
    alone = iter(chance.sample(names, len(names)))
    while True:
        yield from ((name,) for name in itertools.islice(alone, 1))
        yield tuple(chance.sample(names, min(len(names), chance.choice((2, 2, 3)))))
