"""A storage service: one request of a copy gets a hostile response, the others get those of Azure."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fuzz.limits import Worker
from tests.transfer.small_cloud import Answers, Authority
from tests.transfer.two_clouds import bearer, caller

CONTENT = bytes(range(256)) * 256
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
DATE = "Sun, 29 Nov 2026 08:00:00 GMT"
PROPERTIES = {
    "Content-Length": str(len(CONTENT)),
    "Content-MD5": MD5,
    "Content-Type": "application/x-tar",
    "ETag": '"0x1"',
    "Last-Modified": DATE,
    "x-ms-blob-type": "BlockBlob",
    "x-ms-meta-category": "acr-transfer-blob",
}
NAMES = ("b", "c")
"""The blobs of a hand-over of several."""

_LISTED = ("a", *NAMES, "dir/b")
"""The blobs that the source's list has: those of every hand-over."""


def listing(*names: str, more: str = "", **properties: str) -> bytes:
    """A list of blobs with these properties, and the mark of a further page."""
    usual = {"Content-Length": str(len(CONTENT)), "Content-MD5": MD5, "Etag": "0x1", "Last-Modified": DATE}
    usual |= {"Content-Type": "application/x-tar", "BlobType": "BlockBlob"}
    given = usual | {name.replace("_", "-"): value for name, value in properties.items()}
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value)
    metadata = "<Metadata><category>acr-transfer-blob</category></Metadata>"
    blobs = "".join(
        f"<Blob><Name>{name}</Name><Properties>{fields}</Properties>{metadata}</Blob>" for name in names
    )
    found = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{more}</NextMarker></EnumerationResults>"
    return f'<?xml version="1.0" encoding="utf-8"?>{found}'.encode()


NO_BLOCKS = b'<?xml version="1.0"?><BlockList><UncommittedBlocks/></BlockList>'
ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
BOMB = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY e0 "ha">{ENTITIES}]><b>&e9;</b>'.encode()
LARGEST = 40 * 1024**2
"""Bytes after which an endless body ends, so that a client without a limit does not end the machine."""


@dataclass
class Requests:
    """The requests of the running case."""

    foreign: str = ""
    """Host and port of another service."""

    credentials: list[str] = field(default_factory=list)
    """Authorization headers that reached the other service."""

    reached: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """The paths of requests that write or delete."""

    committed: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Begin another case."""
        for each in (self.credentials, self.reached, self.written, self.committed):
            each.clear()


class Handler(BaseHTTPRequestHandler):
    """Answers /STAGE.BEHAVIOR/container/blob: at this stage with this behavior."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[Requests]

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        account = parts.path.lstrip("/").partition("/")[0]
        query = parse_qs(parts.query)
        stage = self._stage(query, account)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chosen, _, behavior = account.partition(".")
        if self.command not in ("GET", "HEAD"):
            self.requests.written.append(parts.path)
        if account == "foreign":
            self.requests.credentials.append(self.headers.get("Authorization", ""))
        if stage == chosen:
            self.requests.reached.append(account)
            self.close_connection = True
            with contextlib.suppress(OSError, ssl.SSLError):
                BEHAVIORS[behavior](self)
            return
        self._answer(stage, account, body)

    def _stage(self, query: dict[str, list[str]], account: str) -> str:
        kind = query.get("comp", query.get("restype", [""]))[0]
        if self.command == "HEAD" and urlsplit(self.path).path in self.requests.committed:
            return "check"
        return {
            ("HEAD", ""): "properties",
            ("GET", ""): "piped" if account.startswith("piped.") else "content",
            ("GET", "list"): "source-list" if self._is_source(account) else "list",
            ("GET", "blocklist"): "blocks",
            ("PUT", ""): "put",
            ("PUT", "block"): "block",
            ("PUT", "blocklist"): "commit",
        }.get((self.command, kind), "other")

    def _answer(self, stage: str, account: str, body: bytes) -> None:
        path = urlsplit(self.path).path
        is_source = self._is_source(account)
        if stage in ("content", "piped"):
            start, end = map(int, self.headers["x-ms-range"].removeprefix("bytes=").split("-"))
            ranged = {"Content-Range": f"bytes {start}-{end}/{len(CONTENT)}", "x-ms-blob-content-md5": MD5}
            return self.respond(206, CONTENT[start : end + 1], {**PROPERTIES, **ranged})
        if stage in ("properties", "check"):
            return self.respond(200 if is_source or stage == "check" else 404, b"", PROPERTIES)
        if stage in ("commit", "put"):
            self.requests.committed.add(path)
        if stage in ("block", "commit", "put"):
            return self.respond(201, b"", {"ETag": '"0x1"', "Last-Modified": DATE})
        listed = {"blocks": NO_BLOCKS, "list": listing(), "source-list": listing(*_LISTED)}.get(stage, b"")
        described = {"ETag": '"0x1"', "Last-Modified": DATE, "Content-Type": "application/xml"}
        return self.respond(200, listed, described)

    @staticmethod
    def _is_source(account: str) -> bool:
        return account.partition(".")[0] in SOURCE_STAGES or account == "source"

    def respond(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        """Send a whole response."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            if name != "Content-Length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def raw(self, *pieces: bytes, seconds: float = 0) -> None:
        """Send bytes, with a pause after each piece."""
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(seconds)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_request  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _body(status: int, content: bytes, **headers: str) -> Callable[[Handler], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.respond(status, content, named)


def _with(**headers: str) -> Callable[[Handler], None]:
    """The properties of a blob, with other headers."""
    named = {**PROPERTIES, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda handler: handler.respond(206 if handler.command == "GET" else 200, CONTENT, named)


def _without(*names: str) -> Callable[[Handler], None]:
    kept = {name: value for name, value in PROPERTIES.items() if name not in names}
    return lambda handler: handler.respond(206 if handler.command == "GET" else 200, CONTENT, kept)


def _raw(*pieces: bytes, seconds: float = 0) -> Callable[[Handler], None]:
    return lambda handler: handler.raw(*pieces, seconds=seconds)


def _endless(head: bytes, piece: bytes) -> Callable[[Handler], None]:
    return lambda handler: handler.raw(head, *[piece] * (LARGEST // len(piece)))


def _redirect(status: int, scheme: str = "https") -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        where = f"{scheme}://{handler.requests.foreign}/foreign/transfer/b"
        handler.respond(status, b"", {"Location": where, "Retry-After": "0"})

    return answer


def _challenge(resource: str) -> Callable[[Handler], None]:
    words = f"Bearer authorization_uri=https://login.example/tenant/oauth2/authorize resource_id={resource}"
    return lambda handler: handler.respond(401, b"", {"WWW-Authenticate": words})


OTHER_SERVICES = ("https://management.azure.com", "https://vault.azure.net")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PIECE = b"10000\r\n" + b"x" * 65536 + b"\r\n"
DEEP = b"<a>" * 200_000
BEHAVIORS: dict[str, Callable[[Handler], None]] = {
    "endless-chunks": _endless(CHUNKED, PIECE),
    "endless-body": _endless(OK + b"\r\n", b"<a/>" * 16384),
    "endless-error": _endless(b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n", PIECE),
    "drip-body": _raw(OK + b"Content-Length: 65536\r\n\r\n", *[b"x"] * 400, seconds=0.05),
    "drip-chunks": _raw(CHUNKED, *[b"1\r\nx\r\n"] * 400, seconds=0.05),
    "drip-headers": _raw(OK, *[b"x-a: b\r\n"] * 400, seconds=0.05),
    "silence": _raw(b"", seconds=20),
    "silent-body": _raw(OK + b"Content-Length: 65536\r\n\r\n", seconds=20),
    "header-flood": _endless(OK, b"x-flood: " + b"y" * 1000 + b"\r\n"),
    "long-header": _endless(OK + b"x-long: ", b"y" * 65536),
    "long-status": _endless(b"HTTP/1.1 200 ", b"y" * 65536),
    "short-body": _raw(OK + b"Content-Length: 65536\r\n\r\nshort"),
    "negative-length": _raw(OK + b"Content-Length: -5\r\n\r\n"),
    "two-lengths": _raw(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    "huge-length": _raw(OK + b"Content-Length: 99999999999999999999\r\n\r\nx"),
    "bad-chunk": _raw(CHUNKED + b"zz\r\n"),
    "no-http": _raw(b"<html>not HTTP</html>"),
    "zeros": _raw(b"\0" * 10_000),
    "status-101": _raw(b"HTTP/1.1 101 Switching\r\n\r\n"),
    "status-999": _body(999, b""),
    "only-100": _raw(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 400, seconds=0.05),
    "closed": _raw(b""),
    "redirect-301": _redirect(301),
    "redirect-302": _redirect(302),
    "redirect-307": _redirect(307),
    "redirect-308": _redirect(308),
    "redirect-plain": _redirect(307, "http"),
    "challenge-arm": _challenge(OTHER_SERVICES[0]),
    "challenge-vault": _challenge(OTHER_SERVICES[1]),
    "challenge-nothing": _body(401, b"", WWW_Authenticate="Bearer"),
    "challenge-noise": _body(401, b"", WWW_Authenticate="Bearer ====,,,"),
    "html": _body(200, b"<html><body>Sign in</body></html>", Content_Type="text/html"),
    "empty": _body(200, b""),
    "json": _body(200, b'{"value": [' + b"[" * 100_000, Content_Type="application/json"),
    "bomb": _body(200, BOMB, Content_Type="application/xml"),
    "error-bomb": _body(400, BOMB, Content_Type="application/xml"),
    "deep": _body(200, DEEP, Content_Type="application/xml"),
    "tags": _body(200, b"<a>" + b"<a/>" * 3_500_000 + b"</a>", Content_Type="application/xml"),
    "attributes": _body(
        200,
        b"<a" + b"".join(b" a%d=''" % number for number in range(1_000_000)) + b"/>",
        Content_Type="application/xml",
    ),
    "other-xml": _body(200, b"<?xml version='1.0'?><Rows><Row/></Rows>", Content_Type="application/xml"),
    "bytes": _body(200, b"\xff\xfe\x00<a", Content_Type="application/xml"),
    "gzip": _body(200, gzip.compress(b"0" * 100_000_000), Content_Encoding="gzip"),
    "gzip-error": _body(400, gzip.compress(b"0" * 100_000_000), Content_Encoding="gzip"),
    "escapes": _body(400, b"<Error><Code>\x1b[2J</Code></Error>", x_ms_error_code="\x1b]0;x\x07"),
    "throttled": _body(503, b"", Retry_After="nan"),
    "broken": _body(500, b"<Error><Code>x</Code></Error>", Content_Type="application/xml"),
    "huge-size": _with(Content_Length=str(2**62), x_ms_blob_content_length=str(2**62)),
    "bad-range": _with(Content_Range="bytes x-y/z"),
    "other-range": _with(Content_Range="bytes 7-9/10"),
    "huge-range": _with(Content_Range=f"bytes 0-{2**62}/{2**62 + 1}"),
    "no-etag": _without("ETag"),
    "other-etag": _with(ETag='"0x2"'),
    "etag-bytes": _with(ETag="\xff\xfe"),
    "no-md5": _without("Content-MD5"),
    "bad-md5": _with(Content_MD5="!!!", x_ms_blob_content_md5="!!!"),
    "other-md5": _with(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==", x_ms_blob_content_md5="AAAA"),
    "no-category": _without("x-ms-meta-category"),
    "metadata-name": _with(**{"x_ms_meta_a b": "c", "x_ms_meta_é": "d"}),
    "metadata-bytes": _with(x_ms_meta_more="\xff\xfe"),
    "bad-date": _with(Last_Modified="yesterday", x_ms_creation_time="never"),
    "bad-type": _with(x_ms_blob_type="Nonsense", x_ms_lease_state="?", x_ms_copy_progress="1/x"),
    "nothing": _without(*PROPERTIES),
    "list-without-end": _body(200, listing(*NAMES, more="again"), Content_Type="application/xml"),
    "list-without-names": _body(200, listing("other", more="again"), Content_Type="application/xml"),
    "list-bad-size": _body(200, listing(*NAMES, Content_Length="many"), Content_Type="application/xml"),
    "list-no-size": _body(200, listing(*NAMES, Content_Length=""), Content_Type="application/xml"),
    "list-no-etag": _body(200, listing(*NAMES, Etag=""), Content_Type="application/xml"),
    "list-bad-md5": _body(200, listing(*NAMES, Content_MD5="!!!"), Content_Type="application/xml"),
    "list-bad-date": _body(200, listing(*NAMES, Last_Modified="yesterday"), Content_Type="application/xml"),
    "list-nested": _body(200, listing("b<i>x</i>", "<b/>"), Content_Type="application/xml"),
}
SOURCE_STAGES = ("properties", "content", "piped", "source-list")
LISTED_STAGES = ("source-list", "list")
"""The stages of a hand-over of several blobs, whose containers are listed."""

STAGES = (*SOURCE_STAGES, "list", "blocks", "block", "commit", "put", "check")
PIPED_STAGES = ("piped", "put")
"""The stages of a blob that is sent as one request."""


@contextlib.contextmanager
def hostile_storage(authority: Authority) -> Iterator[tuple[str, Requests]]:
    """A server; yields its host and port, and the requests of the running case."""
    requests = Requests()
    with _served(authority, requests) as foreign, _served(authority, requests) as host:
        requests.foreign = foreign
        yield host, requests


@contextlib.contextmanager
def _served(authority: Authority, requests: Requests) -> Iterator[str]:
    handler = type("Handler", (Handler,), {"requests": requests})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.chain, authority.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        # The handshake belongs to the thread of the connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@dataclass
class World:
    """A hostile storage service, a caller who signs in, and a worker for the caller's commands."""

    host: str
    requests: Requests
    arm: Answers
    environment: dict[str, str]
    worker: Worker


@contextlib.contextmanager
def open_world(folder: Path, *modules: str) -> Iterator[World]:
    """Start all of it; the worker imports `modules`."""
    authority, arm = Authority.make(folder), Answers(token=bearer())
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(caller(folder, authority, arm))
        host, requests = stack.enter_context(hostile_storage(authority))
        with pytest.MonkeyPatch.context() as patched:
            # aiohttp reads the trusted certificates when it is imported.
            patched.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
            worker = stack.enter_context(
                Worker(folder, (*modules, "acr_transfer.copy.hop", "azure.identity.aio"))
            )
        yield World(host, requests, arm, environment, worker)
