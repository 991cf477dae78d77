"""Ports of the doors and servers: chosen once and kept, and no two sandboxes of a machine choose the same."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

from sandbox.cloud.store import Store
from sandbox.http.azure_errors import SandboxError

_FIRST, _LAST, _SIZE = 20_000, 29_951, 64
"""Below the ports that systems give to outgoing connections: one of those could take a port meanwhile."""


class Ports:
    """Ports of one cloud: free ones, chosen once and kept, because state files hold the addresses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, door: str) -> int:
        """The port of a door: the one that it had before, or a free one."""
        kept = self._store.port(door)
        if kept is None:
            kept = free_port()
            self._store.keep_port(door, kept)
        return kept

    def refuse_taken(self) -> None:
        """Before anything starts: a kept port that another program has taken is an error that names it."""
        taken = [f"{number} ({door})" for door, number in self._store.ports() if not _is_free(number)]
        if taken:
            raise SandboxError(
                f"Ports that this sandbox's state names are taken by another program: {', '.join(taken)}. "
                "Stop that program, or start afresh with other ports: `python -m sandbox up --fresh`."
            )

    def silent(self, doors: Iterable[str]) -> list[str]:
        """Which of these doors do not answer: nobody listens at their port."""
        ports = dict(self._store.ports())
        return [door for door in doors if not _answers(ports.get(door, 0))]


class _Blocks:
    """Blocks of ports that this process has to itself, for as long as it lives.

    Servers that start at the same moment would else be given the same free port: the kernel forgets it
    between the look and the use. Whoever is bound to the first port of a block has the others.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []
        self._left: list[int] = []

    def take(self) -> int:
        """A port that was not given out before and that nobody listens on."""
        while True:
            while self._left:
                if _is_free(port := self._left.pop(0)):
                    return port
            self._claim()

    def _claim(self) -> None:
        starts = list(range(_FIRST, _LAST - _SIZE, _SIZE))
        random.shuffle(starts)
        for start in starts:
            claim = socket.socket()
            try:
                claim.bind(("127.0.0.1", start))
            except OSError:
                claim.close()
                continue
            self._held.append(claim)
            self._left = list(range(start + 1, start + _SIZE))
            return
        raise SandboxError(
            f"No ports are left between {_FIRST} and {_LAST}. Stop sandboxes that you do not need."
        )


_BLOCKS = _Blocks()


def free_port() -> int:
    """A port of this process's own that nobody listens on."""
    return _BLOCKS.take()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
