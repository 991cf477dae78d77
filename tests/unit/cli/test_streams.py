"""Stdout and stderr of the command: closed, full or narrow, none ends in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acr_transfer import __main__ as program
from acr_transfer.cli.commands import plan
from acr_transfer.model.documents.lock import Lock

COMMAND = [sys.executable, "-m", "acr_transfer"]
DIGESTS = [f"sha256:{digit * 64}" for digit in "12"]


def lock(path: Path, digest: str, count: int) -> str:
    entry = {"digest": digest, "mediaType": "m", "size": 5, "children": [], "referrers": []}
    artifacts = [entry | {"reference": f"app:{number}"} for number in range(count)]
    Lock.create(registry="images.example", artifacts=artifacts).write(path)
    return str(path)


@pytest.fixture
def difference(tmp_path: Path) -> list[str]:
    """A command whose output is larger than a pipe."""
    one, other = (lock(tmp_path / f"{digest[-1]}.json", digest, 2000) for digest in DIGESTS)
    return [*COMMAND, "plan", "--diff", one, other]


@pytest.mark.parametrize("line", ["--help", "plan --help", "--print-completion bash", "plan --diff"])
def test_a_reader_that_wants_no_more_ends_the_command_quietly(line: str, difference: list[str]) -> None:
    arguments = difference if line == "plan --diff" else [*COMMAND, *line.split()]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_full_disk_behind_stdout_is_one_line(difference: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(difference, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 15
    assert done.stderr == "acr-transfer: the output cannot be written: No space left on device\n"


def test_stdout_may_be_closed(difference: list[str]) -> None:
    line = subprocess.list2cmdline(difference)
    done = subprocess.run(f"{line} >&-", shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (12, "acr-transfer: the two locks differ\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_character_that_stdout_does_not_have_is_escaped(encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "plan", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert rb"repository@sha256:\u2026" in done.stdout
    assert done.stderr == b""


def test_a_defect_is_one_line_and_its_trace_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> int:
        raise RuntimeError("https://a.example/b?sig=secret")

    monkeypatch.setattr(plan, "_compare", fails)
    log = tmp_path / "log"
    assert program.main(["plan", "--diff", "a", "b", "--log-file", str(log)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("acr-transfer: internal error: RuntimeError in plan.py, line ")
    assert said.endswith("This is a defect: report it with the file that --log-file writes.\n")
    assert "Traceback (most recent call last)" in log.read_text()
    assert "secret" not in said + log.read_text()
