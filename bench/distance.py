"""A fixed latency before a server, as if it were in another region: a TCP proxy in its own process.

Each response arrives later by the latency, and a new connection takes it once more, as a handshake does.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def distant(base: str, milliseconds: float) -> Iterator[str]:
    """The base URL of a server behind a latency; without a latency, the server's own."""
    if not milliseconds:
        yield base
        return
    parts = urlsplit(base)
    line = [sys.executable, __file__, str(parts.port), str(milliseconds)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout
            yield f"{parts.scheme}://127.0.0.1:{int(proxy.stdout.readline())}"
        finally:
            proxy.terminate()


class _Half(asyncio.Protocol):
    """One end of a connection: what arrives leaves by the other end after `delay` seconds."""

    transport: asyncio.Transport
    other: _Half

    def __init__(self, delay: float) -> None:
        self._delay, self._waiting = delay, deque[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting.append(data)
        asyncio.get_running_loop().call_later(self._delay, self._pass)

    def _pass(self) -> None:
        self.other.transport.write(self._waiting.popleft())

    def connection_lost(self, _: Exception | None) -> None:
        # Not before the data that still waits.
        asyncio.get_running_loop().call_later(self._delay, self.other.transport.close)


class _Near(_Half):
    """The client's end, which connects to the server at a distance."""

    def __init__(self, port: int, latency: float) -> None:
        super().__init__(0)
        self._port, self._latency = port, latency

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._latency)
        _, far = await loop.create_connection(lambda: _Half(self._latency), "127.0.0.1", self._port)
        self.other, far.other = far, self
        self.transport.resume_reading()


async def _serve(port: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(port, latency), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
