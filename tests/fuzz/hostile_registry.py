"""A registry with one artifact, whose answers a test replaces, and a foreign host that records."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

CANARIES = ("PASSWORD-CANARY", "ENTRA-CANARY", "REFRESH-CANARY", "ACCESS-CANARY")
"""Docker's password, Entra's token, the registry's refresh token, and its access token."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


BLOBS = [b'{"os": "linux", "architecture": "amd64"}', b'{"os": "linux", "architecture": "arm64"}', b"x" * 100]


def _image(config: bytes, **more: Any) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor(config, CONFIG),
            "layers": [descriptor(BLOBS[2], LAYER)],
            **more,
        }
    ).encode()


CHILDREN = [_image(config) for config in BLOBS[:2]]
ROOT = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [descriptor(child, IMAGE) for child in CHILDREN],
    }
).encode()
SIGNATURE = _image(BLOBS[0], subject=descriptor(ROOT, INDEX), artifactType="application/spdx+json")
MANIFESTS = {digest_of(content): content for content in (*CHILDREN, ROOT, SIGNATURE)}


@dataclass
class Answer:
    """A right answer, before a fault changes it."""

    body: bytes = b""
    media_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def head(self, *more: str) -> bytes:
        """Status line and headers."""
        headers = {"Content-Type": self.media_type, "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} x", *(f"{key}: {value}" for key, value in headers.items()), *more]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")

    def content(self) -> bytes:
        """The whole answer."""
        return self.head() + self.body


Fault = Callable[[Answer, "HostileRegistry"], Iterator[bytes | float]]
"""Returns the bytes that are sent instead of an answer; a number is a pause in seconds."""


@dataclass
class HostileRegistry:
    """The registry, and the foreign host; only one endpoint at a time is hostile."""

    endpoint: str = ""
    fault: Fault | None = None
    over: threading.Event = field(default_factory=threading.Event)
    foreign: list[bytes] = field(default_factory=list)
    """The requests at the foreign host."""

    lines: list[str] = field(default_factory=list)
    """Method and path of each request at the registry."""

    host: str = ""
    foreign_host: str = ""

    def __enter__(self) -> Self:
        self._servers = [_serve(self._answer), _serve(self._record)]
        self.host, self.foreign_host = (f"127.0.0.1:{each.server_address[1]}" for each in self._servers)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @contextlib.contextmanager
    def hostile(self, endpoint: str, fault: Fault) -> Iterator[None]:
        """Answer one endpoint with a fault."""
        self.endpoint, self.fault, self.lines = endpoint, fault, []
        self.foreign, self.over = [], threading.Event()
        yield
        self.over.set()

    def _record(self, request: bytes, connection: socket.socket) -> None:
        self.foreign.append(request)
        found = [blob for blob in BLOBS if f"/{digest_of(blob)}".encode() in request.partition(b"\r\n")[0]]
        body = b'{"token": "x", "access_token": "x", "refresh_token": "x"}'
        connection.sendall(Answer(found[0] if found else body).content())

    def _answer(self, request: bytes, connection: socket.socket) -> None:
        line, _, rest = request.partition(b"\r\n")
        method, path = line.decode("latin-1").split(" ")[:2]
        self.lines.append(f"{method} {path}")
        endpoint, answer = self._right(path.partition("?")[0], rest)
        over = self.over
        if endpoint == self.endpoint and self.fault:
            for part in self.fault(answer, self):
                if over.is_set() or (isinstance(part, float) and over.wait(part)):
                    return
                if isinstance(part, bytes):
                    connection.sendall(part)
        else:
            connection.sendall(answer.head() if method == "HEAD" else answer.content())

    def _right(self, path: str, headers: bytes) -> tuple[str, Answer]:
        """The name of an endpoint, and its right answer."""
        if path == "/token":
            return "token", Answer(json.dumps({"token": CANARIES[3]}).encode())
        if path == "/oauth2/exchange":
            return "exchange", Answer(json.dumps({"refresh_token": CANARIES[2]}).encode())
        if path == "/oauth2/token":
            return "access", Answer(json.dumps({"access_token": CANARIES[3]}).encode())
        if f"authorization: bearer {CANARIES[3]}".encode().lower() not in headers.lower():
            realm = f'Bearer realm="http://{self.host}/token",service="x",scope="repository:app:pull"'
            return "challenge", Answer(b"{}", status=401, headers={"WWW-Authenticate": realm})
        return self._content(path)

    def _content(self, path: str) -> tuple[str, Answer]:
        last = path.rpartition("/")[2]
        if path == "/v2/_catalog":
            return "catalog", Answer(b'{"repositories": ["app"]}')
        if path == "/v2/app/tags/list":
            return "tags", Answer(b'{"tags": ["v1"]}')
        if path.startswith("/v2/app/referrers/"):
            listed = [descriptor(SIGNATURE, IMAGE)] if last == digest_of(ROOT) else []
            return "referrers", Answer(json.dumps({"manifests": listed}).encode(), INDEX)
        if path.startswith("/v2/app/manifests/") and (
            content := ROOT if last == "v1" else MANIFESTS.get(last)
        ):
            name = "manifest" if content in (ROOT, SIGNATURE) else "child"
            return name, Answer(content, INDEX if content == ROOT else IMAGE)
        blobs = {digest_of(blob): blob for blob in BLOBS}
        if path.startswith("/v2/app/blobs/") and last in blobs:
            return "blob", Answer(blobs[last], "application/octet-stream")
        return "other", Answer(b"{}", status=404)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that stops reading is expected."""


def _serve(answer: Callable[[bytes, socket.socket], None]) -> _Server:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            request = b""
            while b"\r\n\r\n" not in request:
                if not (received := self.request.recv(65536)):
                    return
                request += received
            head, _, body = request.partition(b"\r\n\r\n")
            for header in head.lower().split(b"\r\n"):
                if header.startswith(b"content-length:"):
                    while len(body) < int(header.split(b":")[1]):
                        body += self.request.recv(65536)
            answer(head + b"\r\n\r\n" + body, self.request)

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def docker_configuration(host: str) -> str:
    """Docker's configuration with the password of a registry."""
    pair = base64.b64encode(f"me:{CANARIES[0]}".encode()).decode()
    return json.dumps({"auths": {host: {"auth": pair}}})
