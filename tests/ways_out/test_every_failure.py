"""Every failure has a state in which a test executes its ways out."""

from __future__ import annotations

import importlib
from pathlib import Path

from acr_transfer.model.failures.table import FAILURES
from tests.ways_out.pair import LED_OUT

ELSEWHERE = (
    "tests.engine.drift.test_deleted_resources",
    "tests.engine.drift.test_lost_blobs",
    "tests.engine.killed.test_killed_creations",
    "tests.engine.killed.test_killed_deployments",
    "tests.engine.proofs.test_ways_out_of_a_proof",
    "tests.engine.test_repository_permissions",
    "tests.rights.test_commands",
)
"""Modules of other folders whose tests execute ways out and are registered."""

NOT_REGISTERED: dict[str, str] = {}
"""Failures without a registered state, and why. The list only gets shorter."""


def test_every_failure_has_a_state() -> None:
    own = [f"tests.ways_out.{file.stem}" for file in Path(__file__).parent.glob("test_*.py")]
    for module in (*own, *ELSEWHERE):
        importlib.import_module(module)
    with_ways = {name for name, failure in FAILURES.items() if failure.ways}
    assert with_ways - set(NOT_REGISTERED) - set(LED_OUT) == set()
    assert set(LED_OUT) <= set(FAILURES)
    assert not set(LED_OUT) & set(NOT_REGISTERED)
