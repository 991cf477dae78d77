"""What `status` says of runs: in a table, and in one line while it watches."""

from __future__ import annotations

from typing import Any

from acr_transfer.cli.commands.status import _complaints, _text, _under_way
from acr_transfer.operate.runs import Run
from acr_transfer.operate.status import SideState, failed_and_never_mended

PIPELINE = "/registries/r/importPipelines/p"


def run(name: str, state: str, minute: int, blob: str = "b1", **response: Any) -> Run:
    said = {"status": state, "startTime": f"2026-11-24T10:{minute:02}:00.1234567Z", **response}
    request = {"pipelineResourceId": PIPELINE, "source": {"name": blob}}
    body = {"name": name, "properties": {"provisioningState": state, "request": request, "response": said}}
    return Run.parse(body, "https://h/transfer")


def side(*runs: Run) -> SideState:
    return SideState(
        side="target", pipeline="p", pipeline_state="Succeeded", trigger="Enabled", runs=tuple(runs)
    )


FAILED = run("r1", "Failed", 1, pipelineRunErrorMessage="The blob 'b1' does not exist: BlobNotFound")


def test_watching_tells_how_far_each_run_is() -> None:
    working = run("r2", "Running", 2, progress={"percentage": "40"})
    assert _under_way([side(FAILED, working, run("r3", "Running", 3))]) == "2 runs under way: r2 40%, r3 0%"
    assert _under_way([side(FAILED)]) == ""


def test_a_failed_run_has_its_message_the_reason_and_the_mend_below_it() -> None:
    lines = _text([side(FAILED)]).splitlines()
    assert lines[2].split()[:2] == ["r1", "Failed"]
    assert [line.split(":")[0].strip() for line in lines[4:]] == ["why", "mend"]


def test_a_failed_run_is_a_complaint_until_a_later_one_moved_its_blob() -> None:
    assert "r1 failed: the blob is not there" in _complaints(side(FAILED))[0]
    mended = side(run("r2", "Succeeded", 2), FAILED)
    assert _complaints(mended) == []
    assert failed_and_never_mended([FAILED, run("r0", "Succeeded", 0)]) == [FAILED]
    assert failed_and_never_mended([FAILED, run("r2", "Succeeded", 2, blob="b2")]) == [FAILED]
