"""Every failure has a state in which a test executes its ways out."""

from __future__ import annotations

import importlib
from pathlib import Path

from acr_transfer.model.failures.table import FAILURES
from tests.ways_out.pair import LED_OUT

ELSEWHERE = ("tests.engine.drift.test_deleted_resources",)
"""Modules of other folders whose tests execute ways out and are registered."""

_KILLED, _PROOFS = "tests/engine/killed", "tests/engine/proofs and tests/transfer"
_DOCTOR, _COMMAND = "tests/unit/operate/test_doctor.py", "tests/transfer/test_acr_transfer_command.py"
NOT_REGISTERED = {
    **dict.fromkeys(("run-exists", "interrupted-creation", "interrupted-creation-with-provider"), _KILLED),
    **dict.fromkeys(("role-exists", "stack-locked", "state-attributes-empty"), _KILLED),
    **dict.fromkeys(("artifact-unreadable", "deleted-at-target", "gone-at-source"), _PROOFS),
    **dict.fromkeys(("replaced-at-target", "tag-moved", "tag-moved-before-export"), _PROOFS),
    **dict.fromkeys(("blob-lost", "blob-missing", "check-failed", "clock", "artifact-unsupported"), _DOCTOR),
    **dict.fromkeys(("role-assignment-mode", "pipeline-failed"), _DOCTOR),
    "other-build-at-target": "tests/walks",
    **dict.fromkeys(("empty-handover", "unexpected-response", "no-such-stack"), _COMMAND),
    **dict.fromkeys(("caller-cannot-deploy", "caller-cannot-operate", "run-unreadable"), "tests/rights"),
    **dict.fromkeys(("registry-refuses", "repository-role"), "tests/engine/test_repository_permissions.py"),
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
