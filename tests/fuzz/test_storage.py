"""A copy between containers survives any response of a storage service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from acr_transfer import retry
from acr_transfer.__main__ import main
from acr_transfer.azure import storage_limits, storage_retry, throttle
from acr_transfer.copy import blocks
from acr_transfer.model.documents.handover import Handover
from tests.fuzz.campaign import Campaign
from tests.fuzz.hostile_storage import (
    BEHAVIORS,
    LISTED_STAGES,
    NAMES,
    OTHER_SERVICES,
    PIPED_STAGES,
    SOURCE_STAGES,
    STAGES,
    World,
    open_world,
)
from tests.fuzz.limits import LONG, Finding, Outcome

pytestmark = pytest.mark.servers
CASES = [f"{stage}.{behavior}" for stage in STAGES for behavior in BEHAVIORS]
ATTACKS = ("endless-chunks", "drip-body", "redirect-307", "challenge-arm", "bomb", "bad-range", "gzip")
SHORT = [
    f"{stage}.{behavior}" for number, behavior in enumerate(ATTACKS) for stage in STAGES[number % 4 :: 4]
]
SHORT += [
    f"{stage}.{behavior}" for stage in LISTED_STAGES for behavior in BEHAVIORS if behavior.startswith("list-")
]


def hop(arguments: Sequence[str], piped: int = 0) -> int:
    """The command, with limits of time and waits that fit a test."""
    storage_limits.ANSWER_SECONDS = 2
    storage_limits._FIRST_SECONDS = 1
    storage_limits.SLOWEST = 2**20
    real = retry.wait_before_retry
    setattr(storage_retry, "wait_before_retry", lambda *given: min(0.01, real(*given)))  # noqa: B010
    throttle.Throttle.__init__.__defaults__ = (None, throttle.MAX_IN_FLIGHT, 3)
    blocks.PIPED_BLOCKS = piped
    return main(arguments)


def piped_hop(arguments: Sequence[str]) -> int:
    """The command with a blob that it sends as one request."""
    return hop(arguments, piped=8)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world"), "tests.fuzz.test_storage") as found:
        yield found


def test_any_response_ends_in_one_line(campaign: Campaign, world: World, tmp_path: Path) -> None:
    for case in CASES if LONG else SHORT:
        outcome = _hop(case, world, tmp_path / "handover.json")
        assert world.requests.reached, f"{case} was not played: {outcome}"
        foreign = world.requests.credentials or world.arm.resources & set(OTHER_SERVICES)
        findings = [Finding.FOREIGN_CREDENTIAL] * bool(foreign)
        findings += [Finding.SECRET] * (world.arm.token in outcome.output)
        findings += [Finding.MESSAGE] * ("\x1b" in outcome.output or "internal error" in outcome.output)
        campaign.record(case, outcome, *findings)
    assert campaign.found == []


def _hop(case: str, world: World, handover: Path) -> Outcome:
    stage = case.partition(".")[0]
    is_source = stage in SOURCE_STAGES
    source, target = (case, "target") if is_source else ("source", case)
    names = NAMES if stage in LISTED_STAGES else NAMES[:1]
    blobs: list[Any] = [{"name": name, "artifacts": [f"a:{name}"]} for name in names]
    Handover.of("source.example", f"https://{world.host}/{source}/transfer", blobs).write(handover)
    world.requests.clear()
    world.arm.resources.clear()
    url = f"https://{world.host}/{target}/transfer"
    line = ["hop", "--way", "stream", "--handover", str(handover), "--container-url", url]
    command = "piped_hop" if stage in PIPED_STAGES else "hop"
    return world.worker.call(f"tests.fuzz.test_storage:{command}", line, environment=world.environment)
