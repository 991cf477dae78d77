"""The output of `status`: the table, and the line while it watches."""

from __future__ import annotations

from typing import Any

from acr_transfer.cli.commands.status import _active, _failures, _side_text
from acr_transfer.operate.runs import PipelineRun, unresolved_failures
from acr_transfer.operate.status import SideState

PIPELINE = "/registries/r/importPipelines/p"


def run(name: str, state: str, minute: int, blob: str = "b1", **response: Any) -> PipelineRun:
    transfer = {"status": state, "startTime": f"2026-11-24T10:{minute:02}:00.1234567Z", **response}
    request = {"pipelineResourceId": PIPELINE, "source": {"name": blob}}
    properties = {"provisioningState": state, "request": request, "response": transfer}
    return PipelineRun.parse({"name": name, "properties": properties}, "https://h/transfer")


def side(*runs: PipelineRun) -> SideState:
    return SideState(
        side="target", pipeline="p", pipeline_state="Succeeded", trigger="Enabled", runs=tuple(runs)
    )


FAILED = run("r1", "Failed", 1, pipelineRunErrorMessage="The blob 'b1' does not exist: BlobNotFound")


def test_watching_shows_the_progress_of_each_unfinished_run() -> None:
    working = run("r2", "Running", 2, progress={"percentage": "40"})
    assert _active([side(FAILED, working, run("r3", "Running", 3))]) == "2 runs in progress: r2 40%, r3 0%"
    assert _active([side(FAILED)]) == ""


def test_a_failed_run_is_followed_by_its_message_its_cause_and_the_fix() -> None:
    lines = _side_text(side(FAILED)).splitlines()
    assert lines[2].split()[:2] == ["r1", "Failed"]
    assert [line.split(":")[0].strip() for line in lines[4:6]] == ["why", "fix"]
    assert "        acr-transfer hop --source <source> --target <target>" in lines[6]


def test_after_the_fix_the_blob_of_a_failed_trigger_is_copied_again() -> None:
    refused = run("r1", "Failed", 1, pipelineRunErrorMessage="storage: 403", trigger={"timestamp": "now"})
    cause = side(refused).cause_of(refused)
    assert cause
    assert [command.split(" --")[0] for command in cause.commands] == [
        "az storage account update",
        "pulumi up -s <stack>",
        "az storage blob delete",
        "acr-transfer hop",
    ]
    assert "--name b1" in cause.commands[2]


def test_a_failure_is_unresolved_until_a_later_run_moves_its_blob() -> None:
    assert _failures(side(FAILED)) == ["target: run r1 failed; see `fix:` above"]
    assert _failures(side(run("r2", "Succeeded", 2), FAILED)) == []
    assert unresolved_failures([FAILED, run("r0", "Succeeded", 0)]) == [FAILED]
    assert unresolved_failures([FAILED, run("r2", "Succeeded", 2, blob="b2")]) == [FAILED]
