"""Limits for the responses of a storage service, which may be anybody's.

Azure's client has none: it reads a body of any length into memory, waits while single bytes arrive,
decompresses without a limit, and requests a token for the service that a response names.
"""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobClient, ContainerClient

from acr_transfer.errors import AccessError, BrokenAnswerError, CopyError, explained
from acr_transfer.model.resource_names import BLOB

DOCUMENT_BYTES = 16 * 1024**2
"""Bytes of a response other than the content of a blob: a list of 100,000 blocks has 13 million."""

_TAGS, _QUOTES = 2_000_000, 100_000
"""Tags and quotation marks in a response; a list of 100,000 blocks has 600,000 tags."""

ANSWER_SECONDS = 120
"""Seconds until a response is complete, or begins if it is a blob's content; more for a large request."""

SLOWEST = 1024
"""Bytes a second: a body that is slower after its first minute ends."""

_FIRST_SECONDS = 60
_IDLE_SECONDS = 60
"""Seconds until a silent connection is probed: Azure's load balancers close it after four minutes."""

_UNPARSABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What Azure's client raises for a response that it cannot parse."""

_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{1,19})")


@contextmanager
def storage_request(doing: str, where: str, *, needs: str = "") -> Iterator[None]:
    """Turn errors of a request into a `TransferError`, as `explained` does, and those of its response too.

    The block must only send a request and read its response.
    """
    try:
        with explained(doing, where, needs=needs):
            yield
    except _UNPARSABLE as error:
        raise BrokenAnswerError(
            f"{doing} at {where}: the response is not one of a storage service ({type(error).__name__}). "
            "Check the URL and the proxy, and run again."
        ) from None


def blob_client(container: ContainerClient, name: str) -> BlobClient:
    """The client of a blob. Raises `CopyError` for a name that could lead out of the container."""
    if not BLOB.accepts(name):
        raise CopyError(f"{name!r} is not the name of a blob; expected {BLOB.expected}")
    return container.get_blob_client(name)


class LimitedTransport(AioHttpTransport):  # type: ignore[misc]
    """Sends requests, and ends responses that are too large, too slow, compressed, or no XML of a service."""

    async def open(self) -> None:
        """Open the connections."""
        if not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=_kept_alive),
                response_class=_LimitedResponse,
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request; return its response. Raises `ServiceResponseTimeoutError` after the time limit.

        The option `read_timeout` prolongs it for a service that works long before it answers.
        """
        size = int(request.headers.get("Content-Length") or 0)
        limit = max(ANSWER_SECONDS + size / SLOWEST, options.get("read_timeout", 0))
        try:
            async with asyncio.timeout(limit):
                return await super().send(request, **options)
        except TimeoutError:
            raise ServiceResponseTimeoutError(f"no complete response in {limit:.0f} s") from None


def _kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that firewalls do not take for idle while the service works before it answers.

    https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset
    """
    created = socket.socket(*address[:3])
    created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        created.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS)
    return created


class _LimitedResponse(aiohttp.ClientResponse):
    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        await super().start(connection)
        if self.method != "HEAD" and self.headers.get("Content-Encoding", "identity") != "identity":
            self.close()
            raise BrokenAnswerError(f"{self.url.host}: a compressed response, which nobody requested")
        wanted = _RANGE.fullmatch(self.request_info.headers.get("x-ms-range", ""))
        is_content = wanted is not None and self.status < 300
        limit = int(wanted[2]) - int(wanted[1]) + 1 if wanted and is_content else DOCUMENT_BYTES
        self.content: Any = _LimitedBody(self.content, limit, str(self.url.host))
        return self

    async def read(self) -> bytes:
        body = await super().read()
        self.content.check_document(body)
        return body


class _LimitedBody:
    """The body of a response, up to a limit in bytes and at a lowest rate."""

    def __init__(self, stream: aiohttp.StreamReader, limit: int, host: str) -> None:
        self._stream, self._limit, self._host = stream, limit, host
        self._received, self._start = 0, time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all."""
        if size >= 0:
            return self._counted(await self._stream.read(size))
        chunks = []
        while chunk := await self.read(2**16):
            chunks.append(chunk)
        return b"".join(chunks)

    def _counted(self, chunk: bytes) -> bytes:
        self._received += len(chunk)
        if self._received > self._limit:
            raise BrokenAnswerError(f"{self._host}: a response of more than the expected {self._limit} bytes")
        if time.monotonic() - self._start > _FIRST_SECONDS + self._received / SLOWEST:
            raise BrokenAnswerError(f"{self._host}: a response of less than {SLOWEST} bytes a second")
        return chunk

    def check_document(self, body: bytes) -> None:
        """Raise `BrokenAnswerError` for XML that takes more memory than that of a service."""
        large = body.count(b"<") > _TAGS or body.count(b'"') + body.count(b"'") > _QUOTES
        if large or b"<!DOCTYPE" in body:
            raise BrokenAnswerError(f"{self._host}: a response that is not a document of a storage service")


class AudienceCredential(AsyncTokenCredential):
    """Requests tokens for one audience only.

    Azure's client requests a token for the resource that a 401 response names, and sends it to the service
    that answered. https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
    """

    def __init__(self, credential: AsyncTokenCredential, audience: str) -> None:
        self._credential, self._scope = credential, f"{audience}/.default"

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token. Raises `AccessError` for another audience."""
        if scopes != (self._scope,):
            raise AccessError(
                f"{self._scope.removesuffix('/.default')} refused the login and requested a token for "
                "another service, which it did not receive. Check the container's URL, and that the login "
                "belongs to the tenant of the storage account."
            )
        return await self._credential.get_token(*scopes, **options)

    async def token(self) -> AccessToken:
        """Return a token for the audience."""
        return await self._credential.get_token(self._scope)

    async def close(self) -> None:
        """The owner closes the credential."""

    async def __aexit__(self, *_: object) -> None:
        """The owner closes the credential."""
