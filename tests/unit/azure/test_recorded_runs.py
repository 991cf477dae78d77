"""The state of a stack: its runs, and what its last deployment has not ended."""

from __future__ import annotations

from typing import Any

import pytest

from acr_transfer.azure.recorded_runs import RecordedRuns, runs_of

TYPES = (
    "azure-native:containerregistry:PipelineRun",
    "azure-native_containerregistry_v20250601preview:containerregistry:PipelineRun",
)


def resource(name: str, type: str = TYPES[0], **request: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:source::acr-transfer::a:b:C${type}::transfer-run-{name}"
    return {"urn": urn, "type": type, "inputs": {"pipelineRunName": name, "request": request}}


def exported(*resources: Any, **pending: Any) -> dict[str, Any]:
    operations = [{"type": kind, "resource": each} for kind, each in pending.items()]
    return {"version": 3, "deployment": {"resources": [*resources], "pending_operations": operations}}


@pytest.mark.parametrize("type", TYPES)
def test_runs_and_their_blobs_are_those_in_the_state_and_those_being_created(type: str) -> None:
    created = resource("Aa", type, target={"name": "export"})
    creating = resource("bb", type, source={"name": "import"})
    found = runs_of(exported(created, creating=creating))
    assert found.runs == {"aa", "bb"}
    assert found.blobs == {"export", "import"}
    assert found.unfinished == ("transfer-run-bb",)


def test_a_creation_that_a_later_deployment_repeated_has_ended() -> None:
    again = resource("aa")
    assert runs_of(exported(again, creating=again)).unfinished == ()
    assert runs_of(exported(again, updating=again)).unfinished == ("transfer-run-aa",)


@pytest.mark.parametrize("text", [{}, {"deployment": None}, exported(None, "text", creating=None)])
def test_a_stack_without_a_deployment_has_nothing(text: Any) -> None:
    assert runs_of(text) == RecordedRuns(frozenset(), frozenset(), ())


def test_outputs_are_old_if_a_deployment_is_unfinished_or_has_more_runs() -> None:
    reported = {"runs": [{"name": "aa"}]}
    assert runs_of(exported(resource("AA"))).newer_than(reported) == ""
    assert runs_of(exported(resource("bb"))).newer_than({"handover": {}}) == ""
    assert "1 run not in the outputs" in runs_of(exported(resource("bb"))).newer_than(reported)
    interrupted = runs_of(exported(resource("aa"), updating=resource("aa")))
    assert "in progress or was interrupted: 1 operation" in interrupted.newer_than(reported)
