"""Ports that no two sandboxes of a machine choose."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from sandbox.cloud.paths import CHECKOUT
from sandbox.cloud.ports import Ports, free_port
from sandbox.cloud.store import Store

TAKES = """
import sys
from sandbox.cloud.ports import free_port
print(*(free_port() for _ in range(40)), flush=True)
sys.stdin.read()
"""


def test_processes_that_live_at_the_same_time_never_share_a_port() -> None:
    command = [sys.executable, "-c", TAKES]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [subprocess.Popen(command, cwd=CHECKOUT, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    taken: list[int] = [free_port() for _ in range(40)]
    for process in running:
        taken += [int(port) for port in process.stdout.readline().split()]
    for process in running:
        process.communicate()
    assert len(taken) == len(set(taken)) == 160


def test_one_process_gets_as_many_as_it_asks_for() -> None:
    taken = [free_port() for _ in range(150)]
    assert len(set(taken)) == 150


def test_a_port_that_somebody_listens_on_is_not_given_out_and_no_silent_door(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    ports = Ports(store)
    kept = ports.of("door")
    assert ports.of("door") == kept
    assert ports.silent(["door", "never"]) == ["door", "never"]
    with socket.socket() as door:
        door.bind(("127.0.0.1", kept))
        door.listen()
        assert ports.silent(["door"]) == []
        following = kept + 1
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", following))
            stranger.listen()
            assert free_port() != following
    store.close()
