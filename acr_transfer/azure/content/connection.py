"""One connection to a storage service, used by one thread at a time.

It follows no redirect, decompresses nothing, and reads no more than a caller requests.
"""

import base64
import functools
import http.client
import logging
import re
import selectors
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from aiohttp.helpers import get_env_proxy_for_url
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError
from yarl import URL

from acr_transfer.errors import BrokenAnswerError, host

PIECE = 64 * 1024
"""Bytes that are written to a connection at once: a write that takes longer than `_IDLE` fails."""

LIMITED_PIECE = 16 * 1024
"""The same with a limited rate: small pieces leave the line usable for others."""

_CONNECT = 20.0
_IDLE = 60.0
"""Seconds for a connection, and without a byte. Azure's client has the same."""

_ERROR_BYTES = 64 * 1024
"""Bytes that are read of the response to a write or of an error; the rest ends the connection."""

_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,100})</Code>")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request:
    """The head of a request. Its headers hold a token or a signature, and its URL may hold one too."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class _Https(http.client.HTTPConnection):
    """HTTPS with a handshake that another thread can end: the socket is known before it."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__(host, port, timeout=_CONNECT)
        self._name = name

    def connect(self) -> None:
        super().connect()
        self.sock = _tls().wrap_socket(self.sock, server_hostname=self._name, do_handshake_on_connect=False)
        self.sock.do_handshake()


class Connection:
    """An HTTP connection to the host of a URL, through the environment's proxy for it."""

    def __init__(self, url: str) -> None:
        """Does not connect yet; the first request does."""
        parts = urlsplit(url)
        self.where = host(url)
        self._proxy_headers: dict[str, str] = {}
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._http, self._absolute = self._opened(parts, str(parts.hostname))

    def _opened(self, parts: SplitResult, name: str) -> tuple[http.client.HTTPConnection, bool]:
        """The client, and whether its requests must have absolute URLs, as those to a proxy for http."""
        secure = parts.scheme == "https"
        port = parts.port or (http.client.HTTPS_PORT if secure else http.client.HTTP_PORT)
        proxy = _proxy(parts)
        at, at_port = (proxy[0], proxy[1]) if proxy else (name, port)
        client = (
            _Https(at, at_port, name) if secure else http.client.HTTPConnection(at, at_port, timeout=_CONNECT)
        )
        # Otherwise a body could be sent on a new connection, without its head.
        client.auto_open = 0
        if proxy and secure:
            client.set_tunnel(name, port, {"Host": f"{name}:{port}", **proxy[2]})
        elif proxy:
            self._proxy_headers = proxy[2]
        return client, bool(proxy) and not secure

    @property
    def reusable(self) -> bool:
        """Whether a kept connection is still open: no service sends anything between two requests."""
        if self._http.sock is None:
            return False
        # `select.select` refuses the sockets of a process with more than 1,024 open files.
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._http.sock, selectors.EVENT_READ)
            return not waiting.select(0)

    def begin(self, request: Request) -> None:
        """Connect if necessary, and send the head of a request. Raises `AzureError`."""
        with _explained(ServiceRequestError):
            if self._http.sock is None:
                self._connect()
            parts = urlsplit(request.url)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            target = request.url if self._absolute else path
            self._http.putrequest(request.method, target, skip_accept_encoding=True)
            for name, value in {**request.headers, **self._proxy_headers}.items():
                self._http.putheader(name, value)
            self._http.endheaders()

    def _connect(self) -> None:
        self._http.connect()
        # The client forgets its socket when a response says that it is the last one.
        self._socket = self._http.sock
        if self._socket is not None:
            self._socket.settimeout(_IDLE)

    def send(self, piece: memoryview) -> None:
        """Send a piece of the request's body. Raises `AzureError`."""
        with _explained(ServiceResponseError):
            self._http.send(piece)

    def response(self, request: Request) -> http.client.HTTPResponse:
        """Return the response, whose body has not been read. Raises `HttpResponseError` unless it is 2xx."""
        begun = time.monotonic()
        with _explained(ServiceResponseError):
            response = self._response = self._http.getresponse()
        path = urlsplit(request.url).path
        waited = time.monotonic() - begun
        _LOG.info(
            "Request method: %r, %s%s: %s after %.3f s",
            request.method,
            self.where,
            path,
            response.status,
            waited,
        )
        if response.status // 100 != HTTPStatus.OK // 100:
            raise self._refusal(response)
        return response

    def finish(self, response: http.client.HTTPResponse) -> bool:
        """Read the rest of a response; whether the connection can be used again."""
        with _explained(ServiceResponseError):
            response.read(_ERROR_BYTES)
        return response.isclosed() and not response.will_close

    def read_into(self, response: http.client.HTTPResponse, piece: memoryview) -> None:
        """Fill a buffer with the next bytes of a body. Raises `ServiceResponseError` if it ends early."""
        with _explained(ServiceResponseError):
            if response.readinto(piece) != len(piece):
                raise http.client.IncompleteRead(b"")

    def abort(self) -> None:
        """End the running read or write of another thread."""
        if used := self._socket or self._http.sock:
            # SSLSocket.shutdown would let the other thread write the rest in clear text.
            socket.socket.shutdown(used, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, and its response, which may hold the socket."""
        for each in (self._response, self._http):
            with suppress(OSError):
                if each is not None:
                    each.close()

    def _refusal(self, response: http.client.HTTPResponse) -> HttpResponseError:
        with _explained(ServiceResponseError):
            body = response.read(_ERROR_BYTES)
        found = _CODE.search(body)
        code = response.getheader("x-ms-error-code") or (found[1].decode() if found else "")
        error: Any = HttpResponseError(f"HTTP {response.status}")
        error.status_code = response.status
        error.error_code = code
        error.response = SimpleNamespace(headers=response.headers)
        return cast(HttpResponseError, error)


def check_content(response: http.client.HTTPResponse, start: int, length: int, where: str) -> None:
    """Raise `BrokenAnswerError` unless the response announces exactly these bytes of a blob, unpacked."""
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise BrokenAnswerError(f"{where}: a compressed response, which nobody requested")
    found = response.getheader("Content-Range", "").partition("/")[0]
    if response.status == HTTPStatus.PARTIAL_CONTENT and found != f"bytes {start}-{start + length - 1}":
        raise BrokenAnswerError(f"{where}: a response with another range than the requested one")
    chunked = response.length is None and response.chunked
    if response.length != length and not chunked:
        raise BrokenAnswerError(f"{where}: a response with another length than the requested {length} bytes")


@functools.cache
def _tls() -> ssl.SSLContext:
    """Trusts the certificates of SSL_CERT_FILE and SSL_CERT_DIR, or else the system's."""
    return ssl.create_default_context()


def _proxy(parts: SplitResult) -> tuple[str, int, dict[str, str]] | None:
    """Host, port and headers of the proxy for a URL, by the rule of the client for control calls."""
    try:
        # HTTPS_PROXY, HTTP_PROXY, NO_PROXY, the system's settings, and netrc for the credentials.
        url, login = get_env_proxy_for_url(URL(parts.geturl()))
    except LookupError:
        return None
    encoded = (
        base64.b64encode(f"{login.login}:{login.password}".encode(login.encoding)).decode() if login else ""
    )
    headers = {"Proxy-Authorization": f"Basic {encoded}"} if encoded else {}
    return str(url.host), url.port or http.client.HTTP_PORT, headers


@contextmanager
def _explained(kind: type[AzureError]) -> Iterator[None]:
    """Turn a failed connection into the error that Azure's client raises for it."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise kind(type(error).__name__, error=error) from None
