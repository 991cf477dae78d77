"""A proxy for a storage server that counts requests, and refuses, cuts or falsifies chosen ones."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit


class Fault(StrEnum):
    """A fault of a request for content, or with content."""

    NONE = "passes"
    BUSY = "answered 503 with Retry-After"
    FULL = "answered 507, as where no disk has room"
    CUT_BEFORE = "cut before it reaches the server"
    CUT_AFTER = "its answer is cut"
    FALSE = "one byte of its content is changed"


@dataclass
class FaultProxy:
    """The requests so far, and the faults of the next requests for content or with content."""

    faults: deque[Fault] = field(default_factory=deque)
    busy_with: int = 503
    finished: list[str] = field(default_factory=list)
    """IDs of the blocks whose client received the success, in order."""

    again: list[str] = field(default_factory=list)
    """IDs that were sent although their client had received the success."""

    asked: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0
    since_busy: int = 0
    """The most content requests in flight since the last throttling response."""

    turn: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, identifier: str) -> Fault:
        with self.turn:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            self.since_busy = max(self.since_busy, self.under_way)
            if identifier and identifier in self.finished:
                self.again.append(identifier)
            return self.faults.popleft() if self.faults else Fault.NONE

    def end(self, identifier: str) -> None:
        with self.turn:
            self.under_way -= 1
            if identifier:
                self.finished.append(identifier)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[FaultProxy]
    behind: ClassVar[int]

    def _pass(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        kind = query.get("comp", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        about_content = self.command == "PUT" and kind == "block"
        about_content |= self.command in ("GET", "PUT") and not kind and "restype" not in query
        if not about_content:
            self.proxy.asked[f"{self.command} {kind or query.get('restype', [''])[0]}".strip()] += 1
            self._answer(*self._ask(body))
            return
        identifier = unquote(f"{parts.path} {query['blockid'][0]}") if kind == "block" else ""
        fault, taken = self.proxy.begin(identifier), ""
        try:
            taken = identifier if self._content(fault, body) and identifier else ""
        finally:
            self.proxy.end(taken)

    def _content(self, fault: Fault, body: bytes) -> bool:
        """Whether the client received a success."""
        if fault is Fault.BUSY:
            self.proxy.since_busy = 0
            self._answer(self.proxy.busy_with, [("Retry-After", "1")], b"")
            return False
        if fault is Fault.FULL:
            self._answer(507, [], b"")
            return False
        if fault is Fault.CUT_BEFORE:
            self.close_connection = True
            return False
        if fault is Fault.FALSE and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        status, headers, content = self._ask(body)
        if fault is Fault.CUT_AFTER:
            self.close_connection = True
            return False
        if fault is Fault.FALSE and content and self.command == "GET":
            content = bytes([content[0] ^ 1]) + content[1:]
        self._answer(status, headers, content)
        return status in (200, 201, 206)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.behind)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "keep-alive", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = dict(headers).get("content-length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_DELETE = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def fault_proxy(behind: int) -> Iterator[tuple[FaultProxy, int]]:
    """A proxy for the server on port `behind`, and the proxy's port."""
    proxy = FaultProxy()
    handler = type("Handler", (_Handler,), {"proxy": proxy, "behind": behind})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy, server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
