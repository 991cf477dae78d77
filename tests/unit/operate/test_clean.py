"""The leftovers that clean removes, and those that it keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.azure.recorded_runs import RecordedRuns
from acr_transfer.cli.commands.clean import leftovers_table
from acr_transfer.operate.blobs import StoredBlob
from acr_transfer.operate.clean import Leftover, SideContents, leftovers
from acr_transfer.operate.runs import PipelineRun

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WEEK = timedelta(days=7)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def blob(name: str = "b", days: float = 30) -> StoredBlob:
    return StoredBlob(name=name, size=1024, modified=ago(days), etag="e", has_category=True, has_md5=True)


def run(
    blob: str = "b", status: str = "Succeeded", days: float = 20, name: str = "r", **more: Any
) -> PipelineRun:
    ended = status in ("Succeeded", "Failed")
    found = PipelineRun.parse({"id": f"/x/{name}", "name": name}, "https://h/transfer")
    times = {"started": ago(days), "finished": ago(days - 0.1) if ended else None}
    return replace(found, **{"blob": blob, "state": status, **times, **more})


def verdicts(side: SideContents) -> dict[str, tuple[bool, str]]:
    return {leftover.name: (leftover.goes, leftover.reason) for leftover in leftovers(side, NOW, WEEK)}


def test_a_run_whose_blob_stays_goes_with_every_run_only() -> None:
    side = SideContents(name="target", blobs=[blob()], runs=[run(status="Failed")])
    for every_run in (False, True):
        (found,) = (each for each in leftovers(side, NOW, WEEK, every_run=every_run) if each.kind == "run")
        assert found.goes is every_run


@pytest.mark.parametrize(
    ("runs", "goes", "reason"),
    [
        ([], False, "not imported yet"),
        ([run()], True, "imported by run r, 19 days ago"),
        ([run(days=3)], False, "imported, but only 2 days ago"),
        ([run(status="Failed")], False, "not imported yet"),
        ([run(status="Running")], False, "run r is importing it"),
        ([run(), run(status="Running", name="again")], False, "run again is importing it"),
        ([run(days=40)], False, "not imported yet"),
        ([run(started=None, finished=None)], False, "not imported yet"),
        ([run(blob="another")], False, "not imported yet"),
    ],
    ids=[
        "no run", "imported", "imported lately", "failed", "running", "imported again",
        "an older blob of that name was imported", "no times", "another blob's",
    ],
)  # fmt: skip
def test_a_blob_at_the_target_goes_only_after_its_import(
    runs: list[PipelineRun], goes: bool, reason: str
) -> None:
    assert verdicts(SideContents(name="target", blobs=[blob()], runs=runs))["b"] == (goes, reason)


def test_a_run_that_ends_in_the_future_of_this_clock_counts_as_just_ended() -> None:
    side = SideContents(name="target", blobs=[blob(days=0)], runs=[run(days=-1)])
    found = {each.name: (each.goes, each.reason) for each in leftovers(side, NOW, timedelta(0))}
    assert found["b"] == (True, "imported by run r, 0 days ago")


@pytest.mark.parametrize(
    ("days", "needed", "runs", "goes"),
    [
        (30, {"b"}, [], False),
        (30, (), [], True),
        (3, (), [], False),
        (30, (), [run(status="Running")], False),
        (30, (), [run()], False),
        (30, (), [run(pipeline="/p/other")], False),
    ],
    ids=["in the hand-over", "old", "young", "being written", "of a run", "of another pipeline's run"],
)
def test_a_blob_at_the_source_goes_only_when_nothing_needs_it(
    days: float, needed: Any, runs: list[PipelineRun], goes: bool
) -> None:
    found = verdicts(SideContents(name="source", blobs=[blob(days=days)], runs=runs, needed=needed))
    assert found["b"][0] is goes


def test_a_record_at_the_source_goes_before_its_blob_and_stays_while_the_stack_has_it() -> None:
    old = SideContents(name="source", blobs=[blob()], runs=[run()])
    assert verdicts(old) == {
        "b": (False, "of run r, whose record exists"),
        "r": (True, "Succeeded 19 days ago"),
    }
    assert verdicts(replace(old, runs=[]))["b"] == (True, "no longer in the hand-over, 30 days old")
    kept = RecordedRuns(frozenset({"r"}), frozenset({"b"}), ())
    for runs in ([], [run()], [run(status="Failed")]):
        found = verdicts(replace(old, runs=runs, state=kept))
        assert [goes for goes, _ in found.values()] == [False] * len(found)


@pytest.mark.parametrize(
    ("runs", "managed", "goes"),
    [
        (run(blob="gone"), (), True),
        (run(blob="gone", status="Failed"), (), True),
        (run(blob="gone", status="Running"), (), False),
        (run(blob="gone", days=3), (), False),
        (run(blob="gone"), {"r"}, False),
        (run(blob="gone", name="R"), {"r"}, False),
        (run(blob="b", days=40), (), False),
    ],
    ids=["old", "failed", "running", "young", "of the stack", "of the stack, other case", "its blob stays"],
)
def test_a_run_goes_only_when_neither_the_stack_nor_a_blob_needs_it(
    runs: PipelineRun, managed: Any, goes: bool
) -> None:
    state = RecordedRuns(frozenset(managed), frozenset(), ())
    side = SideContents(name="target", blobs=[blob()], runs=[runs], state=state)
    assert verdicts(side)[runs.name][0] is goes


def test_a_run_of_another_pipeline_is_not_a_leftover_of_this_stack() -> None:
    runs = [run(blob="gone", name="mine", pipeline="/p/own"), run(blob="gone", pipeline="/p/other")]
    side = SideContents(name="target", blobs=[], runs=runs, pipeline="/p/own")
    assert verdicts(side) == {"mine": (True, "Succeeded 19 days ago")}


def test_a_run_of_a_replaced_pipeline_is_a_leftover() -> None:
    state = RecordedRuns(frozenset(), frozenset(), (), frozenset({"/p/old"}))
    runs = [run(blob="gone", name="mine", pipeline="/p/old"), run(blob="gone", pipeline="/p/other")]
    side = SideContents(name="target", blobs=[], runs=runs, pipeline="/p/own", state=state)
    assert verdicts(side) == {"mine": (True, "Succeeded 19 days ago")}


names = st.sampled_from(["one", "two", "three"])
times = st.integers(0, 60)


@given(
    st.dictionaries(names, times, max_size=3),
    st.lists(st.tuples(names, st.sampled_from(["Succeeded", "Failed", "Running"]), times), max_size=6),
)
def test_a_blob_of_an_unfinished_import_never_goes(
    blobs: dict[str, int], runs: list[tuple[str, str, int]]
) -> None:
    made = [run(name, status, days, f"r{number}") for number, (name, status, days) in enumerate(runs)]
    side = SideContents(name="target", blobs=[blob(*found) for found in blobs.items()], runs=made)
    for leftover in leftovers(side, NOW, WEEK):
        if leftover.kind == "blob" and leftover.goes:
            own = [one for one in made if one.blob == leftover.name]
            assert all(one.ended for one in own)
            assert any(
                one.succeeded and one.started and one.started >= ago(blobs[leftover.name]) for one in own
            )


def test_the_list_shows_what_can_go_and_how_to_remove_it() -> None:
    found = [
        Leftover("target", replace(blob("b1"), size=2048), True, "imported"),
        Leftover("target", run(name="r1"), False, "Running"),
    ]
    assert leftovers_table(found, removed=False).splitlines() == [
        "side    kind  name     size         why",
        "target  blob  b1    2.0 KiB  goes   imported",
        "target  run   r1          -  stays  Running",
        "1 blob (2.0 KiB) and 0 runs can go; --yes removes them",
    ]
    assert leftovers_table([], removed=False) == "nothing to remove"
