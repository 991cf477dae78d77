"""One sandbox for all tests that need one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox import lifecycle, shell_env
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.faults.control import send_order
from tests import leak_scan
from tests.leak_scan import LeakScan, ProcessSamples
from tests.session_end import ending_with_this_process

# Tests must not fail on a busy machine.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


_LONGEST = ("rights", "ways_out", "policy_engine", "engine", "killed", "runs", "examples", "sandbox")
"""Folders of slow tests. They start first, so that no worker has to run them alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests first, and mark the tests that need the running sandbox."""
    for item in items:
        if "paths" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")
    folders = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(_LONGEST)))


@pytest.fixture(scope="session", autouse=True)
def _ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers and engines end with this session, even if it is killed."""
    with ending_with_this_process(tmp_path_factory.getbasetemp()):
        yield


@pytest.fixture(scope="session", autouse=True)
def _searched(_ended: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeakScan]:
    """The scan for leaks, which also samples the processes of this session."""
    leak_scan.SCAN = scan = LeakScan(tmp_path_factory.getbasetemp())
    leak_scan.SAMPLES = samples = ProcessSamples(tmp_path_factory.getbasetemp() / "processes")
    samples.start()
    yield scan
    samples.stop()


@pytest.fixture(autouse=True)
def _no_leak(_searched: LeakScan) -> Iterator[None]:
    """No test that ran a command leaves a secret in clear."""
    yield
    found = _searched.leaks() if _searched.heard else []
    assert found == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests of hostile text log half characters, which a worker cannot send in its report."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A running sandbox with the sample content, separate from the user's."""
    state = tmp_path_factory.mktemp("a sandbox") / "state"
    found = Paths(state=state, cache=Paths.here().cache)
    before = os.environ.get("ACR_TRANSFER_SANDBOX")
    os.environ["ACR_TRANSFER_SANDBOX"] = str(state)
    try:
        for command in ("up", "seed"):
            subprocess.run([sys.executable, "-m", "sandbox", command], check=True, cwd=CHECKOUT)
        leak_scan.STATE = found
        for definition in CLOUDS:
            # Slow roles are the subject of a few tests, which set their delay.
            send_order(found, definition.side, "grants", seconds=0)
        yield found
    finally:
        lifecycle.down(found)
        os.environ.pop("ACR_TRANSFER_SANDBOX")
        if before is not None:
            os.environ["ACR_TRANSFER_SANDBOX"] = before


@pytest.fixture(scope="session")
def sandbox_environment(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment after `eval "$(python -m sandbox env)"`, and a folder for temporary files."""
    temporary = {"TMPDIR": str(tmp_path_factory.mktemp("t"))}
    return {**os.environ, **shell_env.variables(paths), **temporary}


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
