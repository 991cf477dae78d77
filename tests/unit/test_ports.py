"""Ports of endpoints and servers."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from sandbox.cloud.database import Database
from sandbox.cloud.paths import CHECKOUT
from sandbox.cloud.ports import Ports, free_port

TAKES = """
import sys
from sandbox.cloud.ports import free_port
print(*(free_port() for _ in range(40)), flush=True)
sys.stdin.read()
"""


def test_processes_of_one_machine_never_choose_the_same_port() -> None:
    command = [sys.executable, "-c", TAKES]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [subprocess.Popen(command, cwd=CHECKOUT, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    taken: list[int] = [free_port() for _ in range(40)]
    for process in running:
        taken += [int(port) for port in process.stdout.readline().split()]
    for process in running:
        process.communicate()
    assert len(taken) == len(set(taken)) == 160


def test_a_process_can_take_more_ports_than_a_block_has() -> None:
    taken = [free_port() for _ in range(150)]
    assert len(set(taken)) == 150


def test_a_port_with_a_listener_is_neither_chosen_nor_silent(tmp_path: Path) -> None:
    database = Database(tmp_path)
    ports = Ports(database)
    kept = ports.of("vault/kv")
    assert ports.of("vault/kv") == kept
    assert ports.silent(["vault/kv", "unknown"]) == ["vault/kv", "unknown"]
    with socket.socket() as endpoint:
        endpoint.bind(("127.0.0.1", kept))
        endpoint.listen()
        assert ports.silent(["vault/kv"]) == []
        following = kept + 1
        with socket.socket() as other:
            other.bind(("127.0.0.1", following))
            other.listen()
            assert free_port() != following
    database.close()
