"""Every failure has a state in which a test executes its ways out."""

from __future__ import annotations

import importlib
from pathlib import Path

from acr_transfer.model.failures.table import FAILURES
from tests.ways_out.pair import LED_OUT

ELSEWHERE = (
    "tests.engine.drift.test_deleted_resources",
    "tests.engine.killed.test_killed_creations",
    "tests.engine.killed.test_killed_deployments",
    "tests.engine.test_repository_permissions",
)
"""Modules of other folders whose tests execute ways out and are registered."""

_PROOFS = "tests/engine/proofs"
NOT_REGISTERED = {
    **dict.fromkeys(("deleted-at-target", "gone-at-source", "replaced-at-target"), _PROOFS),
    **dict.fromkeys(("tag-moved", "tag-moved-before-export"), _PROOFS),
    "blob-lost": "tests/engine/drift",
    **dict.fromkeys(("caller-cannot-deploy", "caller-cannot-operate"), "tests/rights"),
}
"""Failures without a registered state, and the tests that show their ways out. The list only gets shorter."""


def test_every_failure_has_a_state() -> None:
    own = [f"tests.ways_out.{file.stem}" for file in Path(__file__).parent.glob("test_*.py")]
    for module in (*own, *ELSEWHERE):
        importlib.import_module(module)
    with_ways = {name for name, failure in FAILURES.items() if failure.ways}
    assert with_ways - set(NOT_REGISTERED) - set(LED_OUT) == set()
    assert set(LED_OUT) <= set(FAILURES)
    assert not set(LED_OUT) & set(NOT_REGISTERED)
