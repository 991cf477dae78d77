"""A registry by HTTP, without login, that loses connections, refuses them, or is stopped for a while."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.transfer.small_cloud import IMAGE, digest_of, image

REPOSITORY = "app"
WINDOW = 4
"""Seconds for which a limit applies: Azure's minute, in short."""


class Failure(StrEnum):
    """What happens to one request."""

    RESET = "its connection is reset"
    CUT = "its body ends early"
    BUSY = "its response is 503"
    TOO_MANY = "its response is 429, with a Retry-After of less than the rest of the window"


_STATUSES: dict[Failure | None, int] = {Failure.BUSY: 503, Failure.TOO_MANY: 429}


class FailingRegistry:
    """A registry with some tags of one repository, at a port that stays its own while it is stopped."""

    def __init__(self, tags: int) -> None:
        self.manifests = {f"v{number}": image(str(number)) for number in range(tags)}
        self.fails: dict[str, Failure] = {}
        """The failure of the next request to a path that ends so."""

        self.served: Counter[str] = Counter()
        """Complete responses, by the last part of their paths."""

        self.limit = 0
        """The most requests in `WINDOW`; 0 is any number."""

        self._window = self._in_window = 0
        self._stops_after = 0
        self._stopped = threading.Event()
        self._handler = type("Handler", (_Handler,), {"registry": self})
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the end of the block; then connections are refused."""
        with ThreadingHTTPServer(("127.0.0.1", self.port), self._handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()

    @contextlib.contextmanager
    def returning(self, seconds: float, *, after: int = 0) -> Iterator[None]:
        """Serve `after` requests, refuse connections for some seconds, and serve until the block's end."""
        ended, self._stops_after = threading.Event(), after
        thread = threading.Thread(target=self._return, args=(seconds, ended))
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            ended.set()
            thread.join()

    def _return(self, seconds: float, ended: threading.Event) -> None:
        if self._stops_after:
            with self.running():
                self._stopped.wait()
        time.sleep(seconds)
        self._stopped.clear()
        self._stops_after = 0
        with self.running():
            ended.wait()

    def failure_of(self, path: str) -> Failure | None:
        """The failure of the next request to a path."""
        if self._stops_after and self.served.total() >= self._stops_after:
            self._stopped.set()
        if self._stopped.is_set():
            return Failure.RESET
        if self.limit and self._is_beyond_limit():
            return Failure.TOO_MANY
        return next((self.fails.pop(end) for end in list(self.fails) if path.endswith(end)), None)

    def _is_beyond_limit(self) -> bool:
        if (window := int(time.monotonic() / WINDOW)) != self._window:
            self._window, self._in_window = window, 0
        self._in_window += 1
        return self._in_window > self.limit

    def content(self, path: str) -> tuple[bytes, str] | None:
        """The response to a path, and its media type."""
        name = path.rpartition("/")[2]
        if path == "/v2/_catalog":
            return json.dumps({"repositories": [REPOSITORY]}).encode(), "application/json"
        if path == f"/v2/{REPOSITORY}/tags/list":
            return json.dumps({"tags": list(self.manifests)}).encode(), "application/json"
        by_digest = {digest_of(content): content for content in self.manifests.values()}
        found = (self.manifests | by_digest).get(name) if "/manifests/" in path else None
        return (found, IMAGE) if found else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ClassVar[FailingRegistry]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        failure = self.registry.failure_of(path)
        if failure is Failure.RESET:
            return self._reset()
        found = (b"{}", "application/json") if path == "/v2/" else self.registry.content(path)
        status = _STATUSES.get(failure, 200 if found else 404)
        return self._respond(status, *(found or (b"{}", "application/json")), cut=failure is Failure.CUT)

    def _respond(self, status: int, content: bytes, media_type: str, *, cut: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status == _STATUSES[Failure.TOO_MANY]:
            self.send_header("Retry-After", "0.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut
        self.registry.served[self.path.rpartition("/")[2]] += status == 200 and not cut

    def _reset(self) -> None:
        """Close the connection with a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""
