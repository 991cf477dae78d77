"""HTTP requests to one registry: one token per scope, retries, and limits of time, redirects and number."""

import asyncio
import contextlib
import logging
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from acr_transfer.errors import (
    AccessError,
    BrokenAnswerError,
    InputError,
    LoginError,
    RegistryAccessError,
    ServiceError,
    UntrustedServiceError,
)
from acr_transfer.http_requests import repeat_interrupted, tries_after
from acr_transfer.registry import limits
from acr_transfer.registry.address import RegistryAddress, split_url
from acr_transfer.registry.auth import Authenticator, Challenge
from acr_transfer.registry.failures import status_error
from acr_transfer.retry import TRANSIENT, TRIES, wait_before_retry

CONCURRENCY = 32
"""Concurrent requests. More do not help at Azure, whose limit for reads is per minute.

docs/adr/0061-the-limit-of-a-registry-is-per-minute.md
"""

_TOO_MANY = 429
_TOO_MANY_TRIES = 12
"""Attempts for a request that exceeds the registry's limit: with their pauses, they outlast its minute."""

_MAX_CHALLENGES = 2
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_log = logging.getLogger("acr_transfer.registry.transport")


@dataclass(frozen=True, kw_only=True)
class RegistryRequest:
    """One request to a registry."""

    path: str
    scope: str
    """The scope of its token, like `repository:app:pull`."""

    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    follows: bool = False
    """Whether redirects are followed, without a credential: registries keep blobs at a storage service."""

    bytes_: int = 0
    """The size of a body that is larger than `LIMITS.body`: its request may take longer."""

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The times of this request."""
        longer = self.bytes_ / limits.LIMITS.slowest_blob
        return replace(limits.LIMITS, total=limits.LIMITS.total + longer).timeout


class RegistryTransport:
    """Sends requests to one registry and authenticates them."""

    def __init__(
        self, registry: RegistryAddress, session: aiohttp.ClientSession, authenticator: Authenticator
    ) -> None:
        self.login_server = registry.login_server
        self._registry, self._session, self._authenticator = registry, session, authenticator
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tokens: dict[str, asyncio.Task[str]] = {}
        self._first_challenge: asyncio.Task[Challenge | None] | None = None
        self._paused_until = 0.0
        self._responded = False

    async def read(self, request: RegistryRequest, resource: str) -> tuple[aiohttp.ClientResponse, bytes]:
        """Send a request, and return the response and its body, which is empty for status 404.

        `resource` stands for the request in messages. As `request`; raises `BrokenAnswerError` too.
        """

        async def read() -> tuple[aiohttp.ClientResponse, bytes]:
            async with self.request(request) as response:
                absent = response.status == 404
                where = f"{self.login_server}, {resource}"
                return response, b"" if absent else await limits.LIMITS.read(response, where)

        return await repeat_interrupted(read)

    @asynccontextmanager
    async def request(self, request: RegistryRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and return the response with its body unread.

        The response's status is 200 or 404. Transient failures are retried, after the time that `Retry-After`
        names. Raises `AccessError` and `ServiceError`.
        """
        # Requests that wait for their token would keep all others waiting.
        await self._token(request.scope)
        async with self._slots, contextlib.AsyncExitStack() as stack:
            yield await self._send(stack, request)

    async def _send(
        self, stack: contextlib.AsyncExitStack, request: RegistryRequest
    ) -> aiohttp.ClientResponse:
        attempt = challenges = 0
        while True:
            attempt += 1
            while (left := self._paused_until - time.monotonic()) > 0:
                await asyncio.sleep(left)
            try:
                token = await self._token(request.scope)
                _log.debug("%s %s", request.method, request.path.partition("?")[0])
                response = await self._follow(stack, request, token)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt >= tries_after(error, responded=self._responded):
                    raise self._unreachable(error) from None
                await asyncio.sleep(wait_before_retry(attempt))
                continue
            self._responded = True
            is_own = response.url.origin() == URL(self._registry.base).origin()
            if response.status == 401 and is_own and challenges < _MAX_CHALLENGES:
                challenges += 1
                await self._answer_challenge(response, request.scope)
            elif response.status in TRANSIENT and attempt < _tries_of(response.status):
                self._pause(response, attempt)
            else:
                return self._checked(response, request)
            response.release()

    async def _follow(
        self, stack: contextlib.AsyncExitStack, request: RegistryRequest, token: str
    ) -> aiohttp.ClientResponse:
        """The response to a request, after its redirects."""
        url = f"{self._registry.base}{request.path}"
        headers = {**request.headers, "Authorization": token} if token else request.headers
        for _ in range(_MAX_REDIRECTS + 1):
            sent = self._session.request(
                request.method, url, headers=headers, allow_redirects=False, timeout=request.timeout
            )
            response = await stack.enter_async_context(sent)
            if not request.follows or response.status not in _REDIRECTS:
                return response
            response.release()
            url, headers = self._redirected(url, response), request.headers
        raise ServiceError(f"{self.login_server} redirects a blob more than {_MAX_REDIRECTS} times")

    def _redirected(self, url: str, response: aiohttp.ClientResponse) -> str:
        """The target of a redirect, which never leaves https."""
        target = split_url(response.headers.get("Location", ""), url)
        allowed = ("https", self._registry.scheme)
        if target is None or target.scheme not in allowed or "@" in target.netloc:
            raise ServiceError(f"{self.login_server} redirects a blob to an address that is not valid")
        return target.geturl()

    def _checked(self, response: aiohttp.ClientResponse, request: RegistryRequest) -> aiohttp.ClientResponse:
        status, resource = response.status, request.path.partition("?")[0]
        if status in (401, 403):
            refused = f"reading from {self.login_server}: refused (HTTP {status})"
            raise self._refused(refused, request.scope)
        if status not in (200, 404):
            raise status_error(self.login_server, resource, status)
        if response.version is None or response.version < (1, 0):
            raise ServiceError(f"{self.login_server} did not answer {resource} by HTTP 1.0 or 1.1")
        return response

    async def _token(self, scope: str) -> str:
        """The `Authorization` header for a scope, requested in advance once the first challenge is known."""
        if self._first_challenge is None:
            self._first_challenge = asyncio.create_task(self._probe())
        challenge = await asyncio.shield(self._first_challenge)
        if scope not in self._tokens and challenge is not None:
            self._authorize(scope, replace(challenge, scope=scope))
        return await self._authorized(scope) if scope in self._tokens else ""

    async def _probe(self) -> Challenge | None:
        """The challenge of the registry's base URL; None if the registry requires no authentication.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
        """
        try:
            url = f"{self._registry.base}/v2/"
            async with self._session.get(url, allow_redirects=False) as response:
                header = response.headers.get("WWW-Authenticate", "")
                return Challenge.parse(header) if response.status == 401 else None
        except (aiohttp.ClientError, TimeoutError):
            # The request that follows fails in the same way, with a message; a later one probes again.
            self._first_challenge = None
            return None

    async def _answer_challenge(self, response: aiohttp.ClientResponse, scope: str) -> None:
        """Authenticate again, once for all requests that wait for the scope's token."""
        rejected = response.request_info.headers.get("Authorization", "")
        current = self._tokens.get(scope)
        if current is None or (current.done() and await self._authorized(scope) == rejected):
            challenge = Challenge.parse(response.headers.get("WWW-Authenticate", ""))
            # Its own scope could be that of a token for more than this request needs.
            self._authorize(scope, replace(challenge, scope=scope))

    def _authorize(self, scope: str, challenge: Challenge) -> None:
        authorization = self._authenticator.authorize(self._session, self._registry, challenge)
        task = self._tokens[scope] = asyncio.create_task(authorization)
        task.add_done_callback(partial(self._forget_failure, scope))

    def _forget_failure(self, scope: str, done: asyncio.Task[str]) -> None:
        """Let the next request sign in again, unless the registry refused: that is final."""
        # A failure that nobody waits for any more is not reported by asyncio, once it was retrieved.
        failure = None if done.cancelled() else done.exception()
        if failure and not isinstance(failure, AccessError) and self._tokens.get(scope) is done:
            del self._tokens[scope]

    async def _authorized(self, scope: str) -> str:
        try:
            return await asyncio.shield(self._tokens[scope])
        except LoginError:
            raise
        except AccessError as error:
            raise self._refused(str(error), scope) from None
        except BrokenAnswerError as error:
            # Without a token no request is possible: this is not the fault of one manifest.
            raise ServiceError(str(error)) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from None

    def _refused(self, what: str, scope: str) -> RegistryAccessError:
        return RegistryAccessError(what, self.login_server, lists=scope.startswith("registry:catalog"))

    def _unreachable(self, error: Exception) -> ServiceError:
        if isinstance(error, aiohttp.ClientSSLError):
            return UntrustedServiceError(self.login_server)
        reason = f"no response ({type(error).__name__}). Is it running, and reachable from this machine?"
        return ServiceError(f"{self.login_server}: {reason}")

    def _pause(self, response: aiohttp.ClientResponse, attempt: int) -> None:
        """Hold back all requests: the registry's limit applies to all of them."""
        seconds = wait_before_retry(attempt, response.headers.get("Retry-After", ""))
        if response.status == _TOO_MANY:
            # Retry-After can name less than the rest of the minute.
            seconds = max(seconds, wait_before_retry(attempt))
        _log.info("HTTP %d from %s: waiting %.1f s", response.status, self.login_server, seconds)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)


def _tries_of(status: int) -> int:
    return _TOO_MANY_TRIES if status == _TOO_MANY else TRIES


@asynccontextmanager
async def open_transport(login_server: str, authenticator: Authenticator) -> AsyncIterator[RegistryTransport]:
    """Open connections to a host, with its port if it has one, by https unless it begins with `http://`.

    Raises `InputError` for a text that is not a host.
    """
    registry = RegistryAddress.parse(login_server)
    tls = ssl.create_default_context() if registry.scheme == "https" else True
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONCURRENCY * 2, ssl=tls),
        timeout=limits.LIMITS.timeout,
        proxy=_proxy(registry.base),
        # Digests are computed from the bytes as stored, so the transport must not decompress them.
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        # A cookie would be a credential that no limit here knows.
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield RegistryTransport(registry, session, authenticator)


def _proxy(base: str) -> str | None:
    """The environment's proxy for a host; aiohttp itself would read the environment for each request."""
    parts = urlsplit(base)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and split_url(proxy) is None:
        raise InputError(f"{parts.scheme.upper()}_PROXY is not the URL of a proxy, such as http://proxy:8080")
    return proxy
