"""The HTTP client for Azure's control calls: Resource Manager, cloud metadata, key vaults.

It follows no redirect, because each request may carry a credential, and reads no more than its limits allow.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from acr_transfer.errors import BrokenAnswerError, ServiceError, host
from acr_transfer.http_limits import HttpLimits
from acr_transfer.model.credentials import quoted
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.model.resource_names import HOST
from acr_transfer.retry import TRANSIENT, TRIES, wait_before_retry

LIMITS = HttpLimits(body=32 * 1024 * 1024, connect=30, idle=60, total=120)
"""A page of Resource Manager has at most 8 MB.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

PAGES = 10_000
"""The most pages of one list."""


@dataclass(frozen=True)
class HttpAnswer:
    """A response with its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """Return the body's JSON value; None if it is not JSON."""
        try:
            return parse_json(self.body.decode())
        except (JsonError, UnicodeDecodeError):
            return None


class AzureHttp:
    """Sends requests to Azure's control endpoints."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self, method: str, url: str | URL, headers: Mapping[str, str] | None = None, *, what: str = ""
    ) -> HttpAnswer:
        """Send a request, again while its response is transient: all requests here may be repeated.

        `what` names the kind of host for the message. Raises `ServiceError` if there is no response within
        the limits.
        """
        for attempt in range(1, TRIES):
            answer = await self._send(method, url, headers, what)
            if answer.status not in TRANSIENT:
                return answer
            await asyncio.sleep(wait_before_retry(attempt, answer.headers.get("Retry-After", "")))
        return await self._send(method, url, headers, what)

    async def _send(
        self, method: str, url: str | URL, headers: Mapping[str, str] | None, what: str
    ) -> HttpAnswer:
        where = f"{what}{host(str(url))}"
        try:
            async with self._session.request(method, url, headers=headers, allow_redirects=False) as response:
                body = await LIMITS.read(response, where)
                return HttpAnswer(response.status, response.headers, body)
        except BrokenAnswerError:
            raise
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = f"no response ({type(error).__name__})"
            if isinstance(error, aiohttp.ClientSSLError):
                reason = "its certificate is not trusted; SSL_CERT_FILE names the trusted certificates"
            raise ServiceError(f"{where}: {reason}") from None


@asynccontextmanager
async def http_session() -> AsyncIterator[AzureHttp]:
    """A client that trusts the certificates of SSL_CERT_FILE and uses the environment's proxy."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        timeout=LIMITS.timeout,
        trust_env=True,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield AzureHttp(session)


def https_endpoint(text: str, name: str) -> str:
    """Return the base URL of an endpoint, without a slash at its end.

    Raises `ServiceError` unless it is a host, by https: a URL from an answer of a service or from the
    environment could name a local file, a user, or a connection in clear text.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    path = parts.path.rstrip("/")
    valid = parts.scheme == "https" and HOST.accepts(parts.netloc) and text.isprintable()
    if not valid or parts.query or parts.fragment or ".." in path:
        raise ServiceError(f"{name} is {quoted(text)}; expected an https URL with a host")
    return f"https://{parts.netloc}{path}"
