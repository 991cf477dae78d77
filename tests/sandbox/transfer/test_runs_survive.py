"""Runs survive the end of the sandbox's process, at every step of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest

from sandbox import lifecycle
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.faults.control import set_fault
from sandbox.faults.fault import InjectedFault
from tests.sandbox.faults.control import times_applied
from tests.sandbox.transfer.side import SandboxSide, until


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A sandbox for this module, which kills it."""
    found = Paths(tmp_path_factory.mktemp("killed") / "state", Paths.here().cache)
    up(found)
    try:
        yield found
    finally:
        lifecycle.down(found)


def up(paths: Paths) -> None:
    environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(paths.state)}
    subprocess.run([sys.executable, "-m", "sandbox", "up"], check=True, cwd=CHECKOUT, env=environment)


def kill(paths: Paths) -> None:
    """Kill the process as the kernel does when out of memory; its servers then end themselves."""
    process = psutil.Process(lifecycle.require_running(paths)["process"])
    servers = process.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    psutil.wait_procs(servers, timeout=20)


@pytest.fixture(scope="module")
def side(own: Paths) -> SandboxSide:
    found = SandboxSide(own, "source", "survive").build()
    found.image("survive/app", "1")
    return found


def stuck(side: SandboxSide, **fault: object) -> tuple[int, InjectedFault]:
    """A fault that blocks a run at one step for longer than the test waits."""
    held = InjectedFault(**{"endpoint": "storage", "delay": 600, "times": 1, **fault})  # type: ignore[arg-type]
    return set_fault(side.paths, "source", held), held


def test_no_run_is_lost_when_the_sandbox_is_killed(side: SandboxSide) -> None:
    export, again = (
        side.pipeline("export", "out"),
        side.pipeline("import", "out", "DeleteSourceBlobOnSuccess"),
    )
    assert side.run(export, "removed", "survive/app:1")["status"] == "Succeeded"
    points = [
        stuck(side, method="PUT", path="/out/writing*comp=block&"),
        stuck(side, method="HEAD", path="/out/written"),  # committed, without a recorded result
        stuck(side, method="DELETE", path="/out/removed", delay=0, cut="after"),
        stuck(side, method="DELETE", path="/out/removed"),  # deleted, without a recorded result
    ]
    runs = [
        side.start(export, "writing", "survive/app:1"),
        side.start(export, "written", "survive/app:1"),
        side.start(again, "removed"),
    ]
    for number, _ in points:
        until(lambda number=number: times_applied(side.paths, "source", number), bool)  # type: ignore[misc]
    kill(side.paths)
    up(side.paths)
    side.renew()
    ended = [side.ended(run)["response"] for run in runs]
    assert [each["status"] for each in ended] == ["Succeeded"] * 3, ended
    assert ended[2]["importedArtifacts"] == ["survive/app:1"]
    names = {blob.name for blob in side.container("out").list_blobs()}
    assert names == {"writing", "written"}
    for response in ended:
        assert response["catalogDigest"] == ended[0]["catalogDigest"]


def test_a_run_continues_after_a_stop(side: SandboxSide) -> None:
    pipeline = side.pipeline("export", "out")
    number, _ = stuck(side, method="PUT", path="/out/stopped*comp=block&")
    run = side.start(pipeline, "stopped", "survive/app:1")
    until(lambda: times_applied(side.paths, "source", number), bool)
    lifecycle.down(side.paths)
    up(side.paths)
    side.renew()
    assert side.ended(run)["provisioningState"] == "Succeeded"


def test_no_file_of_the_sandbox_contains_a_token_or_key(side: SandboxSide, own: Paths) -> None:
    """Searches the state of a sandbox that had faults and was killed."""
    token = side.sas("out", "rawl")
    pipeline = side.pipeline("export", "out", token=token)
    with_fault = InjectedFault(endpoint="storage", status=503, path="/out*leaks", times=9)
    number = set_fault(own, "source", with_fault)
    assert side.run(pipeline, "leaks", "survive/app:1")["status"] == "Failed"
    assert times_applied(own, "source", number)
    signature = token.partition("sig=")[2]
    secrets = {signature, unquote(signature), *side.keys()}
    assert leaks(own.state, secrets) == []


def leaks(folder: Path, secrets: set[str]) -> list[str]:
    """Files that contain one of the secrets."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]
