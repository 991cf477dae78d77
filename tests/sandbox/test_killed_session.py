"""A killed test session leaves no sandbox and no storage server behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from sandbox.cloud.paths import CHECKOUT
from tests.session_end import processes_of

_TEST = """
import time

def test_waits(paths, source_store, tmp_path):
    (tmp_path / "started").touch()
    time.sleep(600)
"""
_SERVERS = {"node": 3, "registry": 2}
"""Two storage servers of the sandbox and one of the test; a registry server of each cloud."""


def test_a_killed_session_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "killed session"
    (tmp_path / "test_waits.py").write_text(_TEST)
    plugins = ("-p", "tests.conftest", "-p", "tests.transfer.conftest", "-p", "no:cacheprovider")
    command = [
        sys.executable,
        "-m",
        "pytest",
        *plugins,
        f"--basetemp={folder}",
        str(tmp_path / "test_waits.py"),
    ]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL) as session:
        try:
            _until(lambda: bool([*folder.glob("*/started")]) or session.poll() is not None, 120)
            names = [process.name() for process in _servers(folder)]
            assert {name: names.count(name) for name in _SERVERS} == _SERVERS
        finally:
            session.kill()
    _until(lambda: not processes_of(folder), 60)


def _servers(folder: Path) -> list[psutil.Process]:
    return [process for process in processes_of(folder) if process.name() in _SERVERS]


def _until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.2)
