"""Run one hostile case within limits of time and memory, and report how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.fuzz.worker import BYTES, LONGEST

CHECKOUT = Path(__file__).resolve().parents[2]
MEMORY = 512 * 1024**2
"""Bytes of memory that a process may use at its peak."""

LONG = os.environ.get("FUZZ") == "long"
"""Whether the long set runs (`make soak`); `make test` runs the short one."""


class Finding(StrEnum):
    """A promise that a case broke."""

    TRACEBACK = "traceback"
    HANG = "hang over 30 s"
    MEMORY = "over 512 MiB"
    KILLED = "ended by a signal"
    WRITE_OUTSIDE = "write outside"
    FALSE_PROVED = "false 'proved'"
    FOREIGN_CREDENTIAL = "credential to a foreign host"
    SECRET = "secret in the output"
    CHANGE = "change in a cloud"
    MESSAGE = "unclear message"
    SERVER_ERROR = "status 500"


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    code: int
    """The exit code; negative: the signal that ended it."""

    output: str
    """What it printed on stdout and stderr."""

    seconds: float
    peak: int
    """The most memory that one of its processes used, in bytes."""

    def findings(self) -> Iterable[Finding]:
        """The promises for every case that this one broke."""
        traces = ("Traceback (most recent call last)", "Exception ignored", "acr-transfer: internal error")
        if any(trace in self.output for trace in traces):
            yield Finding.TRACEBACK
        if self.seconds >= LONGEST:
            yield Finding.HANG
        elif self.code < 0:
            yield Finding.KILLED
        if self.peak > MEMORY:
            yield Finding.MEMORY


class Worker:
    """Runs functions of this repository, each in a fork of a process that has imported `modules` already."""

    def __init__(self, scratch: Path, modules: Sequence[str] = ("acr_transfer.__main__",)) -> None:
        self._output, self._stdin = scratch / "output", scratch / "stdin"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", *modules],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def command(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: bytes = b"",
    ) -> Outcome:
        """Run `acr-transfer` with arguments. `environment` adds to the test's own."""
        return self.call(
            "acr_transfer.__main__:main", list(arguments), environment=environment, folder=folder, stdin=stdin
        )

    def call(
        self,
        function: str,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: bytes = b"",
    ) -> Outcome:
        """Run a function ("module:name") with arguments that JSON can carry."""
        self._output.write_bytes(b"")
        self._stdin.write_bytes(stdin)
        case = {
            "function": function,
            "arguments": arguments,
            "environment": {**os.environ, **(environment or {})},
            "folder": str(folder or self._output.parent),
            "output": str(self._output),
            "stdin": str(self._stdin),
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(case).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Outcome(output=self._output.read_text(errors="replace"), **answer)


def run_process(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: Path
) -> Outcome:
    """Run another program, such as `pulumi`, and measure each of its processes.

    The peak of a process is read every 50 ms, and the kernel keeps the highest value of its life.
    """
    start = time.monotonic()
    with output.open("wb") as file:
        process = psutil.Popen(
            arguments, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        # Its children inherit the limit, which only keeps an endless case from taking the machine's memory.
        process.rlimit(psutil.RLIMIT_DATA, (BYTES, BYTES))
        peak, code = 0, None
        while code is None:
            peak = max([peak, *map(highest_memory, _tree(process))])
            try:
                code = process.wait(0.05)
            except psutil.TimeoutExpired:
                if time.monotonic() - start > LONGEST:
                    for each in reversed(_tree(process)):
                        each.kill()
    return Outcome(code, output.read_text(errors="replace"), time.monotonic() - start, peak)


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def highest_memory(process: psutil.Process) -> int:
    """The highest memory use of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
