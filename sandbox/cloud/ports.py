"""Ports of a cloud's endpoints and servers. Sandboxes of one machine never choose the same port."""

import random
import socket
from collections.abc import Iterable

from sandbox.cloud.database import Database
from sandbox.http.azure_errors import SandboxError

_FIRST, _LAST, _SIZE = 20_000, 29_951, 64
"""Below the range for outgoing connections: one of those could take a chosen port."""


class Ports:
    """The ports of one cloud. They survive restarts, because stacks store the addresses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, name: str) -> int:
        """The port of an endpoint or server; a free one is chosen and stored at the first call."""
        port: int | None = self._database.one("select number from port where name = ?", name)
        if port is None:
            port = free_port()
            self._database.execute("insert or replace into port values (?, ?)", name, port)
        return port

    def forget(self, name: str) -> None:
        """Remove the port of an endpoint or server that was deleted."""
        self._database.execute("delete from port where name = ?", name)

    def require_free(self) -> None:
        """Raise SandboxError if another program listens on a stored port. Call it before the first start."""
        taken = [f"{port} ({name})" for name, port in self._all().items() if not _is_free(port)]
        if taken:
            raise SandboxError(
                f"Another program uses ports of this sandbox: {', '.join(taken)}. "
                "Stop that program, or choose other ports: `python -m sandbox up --fresh`."
            )

    def silent(self, names: Iterable[str]) -> list[str]:
        """The endpoints and servers of these on whose port nothing listens."""
        ports = self._all()
        return [name for name in names if not _answers(ports.get(name, 0))]

    def _all(self) -> dict[str, int]:
        return dict(iter(self._database.execute("select name, number from port")))


_blocks: list[socket.socket] = []
"""Sockets on the first port of each block that belongs to this process until it ends.

A process that binds the first port of a block owns the others. Without blocks, servers that start at the
same time could choose the same free port, between the check and its use.
"""

_left: list[int] = []
"""Ports of the newest block that were not returned yet."""


def free_port() -> int:
    """A port for this process alone, on which nothing listens."""
    while True:
        while _left:
            if _is_free(port := _left.pop(0)):
                return port
        _claim_block()


def _claim_block() -> None:
    starts = range(_FIRST, _LAST - _SIZE, _SIZE)
    for start in random.sample(starts, len(starts)):
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", start))
        except OSError:
            claim.close()
            continue
        _blocks.append(claim)
        _left.extend(range(start + 1, start + _SIZE))
        return
    raise SandboxError(f"All ports from {_FIRST} to {_LAST} are in use. Stop other sandboxes.")


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
