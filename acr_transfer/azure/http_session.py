"""The HTTP client for Azure's control calls: Resource Manager, cloud metadata, key vaults.

It follows no redirect, because each request may carry a credential, and reads no more than its limits allow.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from acr_transfer.errors import ServiceError, UntrustedServiceError, host
from acr_transfer.http_limits import HttpLimits
from acr_transfer.http_requests import REQUEST_FAILURES, HttpAnswer, repeat_request
from acr_transfer.model.credentials import quoted
from acr_transfer.model.resource_names import HOST

LIMITS = HttpLimits(body=32 * 1024 * 1024, connect=30, idle=60, total=120)
"""A page of Resource Manager has at most 8 MB.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

PAGES = 10_000
"""The most pages of one list."""


class AzureHttp:
    """Sends requests to Azure's control endpoints."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._responded: set[str] = set()
        """The hosts that responded."""

    async def request(
        self, method: str, url: str | URL, headers: Mapping[str, str] | None = None, *, what: str = ""
    ) -> HttpAnswer:
        """Send a request, again after a transient failure: all requests here may be repeated.

        `what` names the kind of host for the message. Raises `ServiceError` if there is no response within
        the limits.
        """
        name = host(str(url))
        send = partial(self._send, method, url, headers, f"{what}{name}")
        try:
            answer = await repeat_request(send, responded=name in self._responded)
        except aiohttp.ClientSSLError:
            raise UntrustedServiceError(f"{what}{name}") from None
        except REQUEST_FAILURES as error:
            raise ServiceError(f"{what}{name}: no response ({type(error).__name__})") from None
        self._responded.add(name)
        return answer

    async def _send(
        self, method: str, url: str | URL, headers: Mapping[str, str] | None, where: str
    ) -> HttpAnswer:
        sent = self._session.request(method, url, headers=headers, allow_redirects=False)
        async with sent as response:
            return HttpAnswer(response.status, response.headers, await LIMITS.read(response, where))


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
