"""The limits notice each kind of fault: a fuzzer that sees none proves nothing."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.__main__ import main
from acr_transfer.cli.commands import plan
from tests.fuzz import worker as worker_module
from tests.fuzz.campaign import Campaign
from tests.fuzz.limits import Finding, Outcome, Worker, run_process
from tests.fuzz.table import LEAST, shortfalls, table


def fails() -> None:
    raise ValueError("on purpose")


def defect() -> None:
    def run(*_: Any, **__: Any) -> int:
        raise RuntimeError

    plan.run = run
    main(["plan"])


def dies() -> None:
    os.kill(os.getpid(), 9)


def takes(mebibytes: int) -> None:
    bytes([1]) * (mebibytes * 1024**2)


def reads() -> int:
    print(sys.stdin.read(), Path.cwd().name, os.environ["COLOUR"])
    return 7


def hangs() -> None:
    time.sleep(60)


HERE = "tests.fuzz.test_limits"


@pytest.mark.parametrize(
    ("function", "arguments", "finding"),
    [
        ("fails", (), Finding.TRACEBACK),
        ("defect", (), Finding.TRACEBACK),
        ("dies", (), Finding.KILLED),
        ("takes", (600,), Finding.MEMORY),
        ("takes", (4000,), Finding.TRACEBACK),
    ],
)
def test_a_fault_is_found(
    worker: Worker, function: str, arguments: tuple[object, ...], finding: Finding
) -> None:
    outcome = worker.call(f"{HERE}:{function}", *arguments)
    campaign = Campaign("planted")
    campaign.record(function, outcome)
    assert list(campaign.counts) == [finding], outcome
    assert len(campaign.found) == 1


def test_a_hang_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(Outcome(-14, "", worker_module.LONGEST + 0.1, 0).findings()) == [Finding.HANG]
    monkeypatch.setattr("tests.fuzz.limits.LONGEST", 0.2)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    outcome = run_process(sleep, environment=dict(os.environ), folder=tmp_path, output=tmp_path / "out")
    assert list(outcome.findings()) == [Finding.HANG]


def test_a_case_has_its_own_input_folder_and_environment(worker: Worker, tmp_path: Path) -> None:
    outcome = worker.call(
        f"{HERE}:reads", environment={"COLOUR": "red"}, folder=tmp_path, stdin=b"from stdin"
    )
    assert (outcome.code, outcome.output) == (7, f"from stdin {tmp_path.name} red\n")
    assert not list(outcome.findings())


def test_the_command_runs_in_a_worker(worker: Worker) -> None:
    outcome = worker.command("--version")
    assert outcome.code == 0
    assert outcome.output.startswith("acr-transfer ")
    assert not list(outcome.findings())


def test_the_memory_of_another_program_is_measured(tmp_path: Path) -> None:
    program = "import sys, subprocess, time; x = bytes([1]) * (600 * 1024**2); time.sleep(0.5)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    outcome = run_process(
        [sys.executable, "-c", outer], environment=dict(os.environ), folder=tmp_path, output=tmp_path / "out"
    )
    assert list(outcome.findings()) == [Finding.MEMORY]


def test_the_table_counts_what_was_found_and_what_is_missing() -> None:
    campaigns = [Campaign(name) for name in LEAST]
    for campaign in campaigns:
        for number in range(LEAST[campaign.name]):
            campaign.record(f"case {number}", Outcome(10, "", 0.1, 1024**2))
    assert shortfalls([asdict(each) for each in campaigns]) == []
    campaigns[0].record("evil", Outcome(0, "", 0.1, 1024**2), Finding.WRITE_OUTSIDE)
    rows = [asdict(each) for each in campaigns if each.name != "configurations"]
    assert "| documents | 5,001 | 1 | 0.1 s | 1 MiB |" in table(rows)
    assert "1 write outside" in table(rows)
    assert shortfalls(rows) == ["configurations: 0 cases of 100", "write outside: evil: exit code 0: "]
