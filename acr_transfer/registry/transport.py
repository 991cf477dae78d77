"""HTTP requests to one registry: one token per scope, a limit on concurrency, and retries."""

import asyncio
import contextlib
import logging
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp

from acr_transfer.errors import AccessError, ServiceError
from acr_transfer.registry.auth import Authenticator, Challenge
from acr_transfer.retry import TRANSIENT, TRIES, wait_before_retry

CONCURRENCY = 32
"""Concurrent requests. More do not help: these keep one core of the client busy."""

_MAX_CHALLENGES = 2
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)

_log = logging.getLogger("acr_transfer.registry.transport")


class RegistryTransport:
    """Sends requests to one registry and authenticates them."""

    def __init__(
        self, login_server: str, base: str, session: aiohttp.ClientSession, authenticator: Authenticator
    ) -> None:
        self.login_server = login_server
        self._base, self._session, self._authenticator = base, session, authenticator
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tokens: dict[str, asyncio.Task[str]] = {}
        self._first_challenge: asyncio.Task[Challenge | None] | None = None
        self._paused_until = 0.0

    @asynccontextmanager
    async def request(
        self, path: str, scope: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and return the response with its body unread. `scope` is like `repository:app:pull`.

        The response's status is below 400, or 404. Transient failures are retried, after the time that
        `Retry-After` names. Raises `AccessError` and `ServiceError`.
        """
        async with self._slots, contextlib.AsyncExitStack() as stack:
            yield await self._send(stack, method, path, scope, headers or {})

    async def _send(
        self, stack: contextlib.AsyncExitStack, method: str, path: str, scope: str, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        attempt = challenges = 0
        while True:
            attempt += 1
            while (left := self._paused_until - time.monotonic()) > 0:
                await asyncio.sleep(left)
            try:
                token = await self._token(scope)
                _log.debug("%s %s", method, path.partition("?")[0])
                authorized = {**headers, "Authorization": token} if token else headers
                request = self._session.request(method, f"{self._base}{path}", headers=authorized)
                response = await stack.enter_async_context(request)
            except (aiohttp.ClientError, TimeoutError) as error:
                # A refused connection stays refused; an interrupted one may not.
                if attempt >= TRIES or isinstance(error, aiohttp.ClientConnectorError):
                    raise self._unreachable(error) from None
                await asyncio.sleep(wait_before_retry(attempt))
                continue
            if response.status == 401 and challenges < _MAX_CHALLENGES:
                challenges += 1
                await self._answer_challenge(response, scope)
            elif response.status in TRANSIENT and attempt < TRIES:
                self._pause(response, attempt)
            else:
                return self._checked(response, path)
            response.release()

    def _checked(self, response: aiohttp.ClientResponse, path: str) -> aiohttp.ClientResponse:
        status, resource = response.status, path.partition("?")[0]
        if status in (401, 403):
            refused = f"reading from {self.login_server}: refused (HTTP {status})"
            raise AccessError(f"{refused}. {self._needed_role}")
        if status >= 400 and status != 404:
            raise ServiceError(f"{self.login_server} returned HTTP {status} for {resource}. Try again.")
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
            async with self._session.get(f"{self._base}/v2/") as response:
                header = response.headers.get("WWW-Authenticate", "")
                return Challenge.parse(header) if response.status == 401 else None
        except (aiohttp.ClientError, TimeoutError):
            # The request that follows fails in the same way, with a message.
            return None

    async def _answer_challenge(self, response: aiohttp.ClientResponse, scope: str) -> None:
        """Authenticate again, once for all requests that wait for the scope's token."""
        rejected = response.request_info.headers.get("Authorization", "")
        current = self._tokens.get(scope)
        if current is None or (current.done() and await self._authorized(scope) == rejected):
            self._authorize(scope, Challenge.parse(response.headers.get("WWW-Authenticate", "")))

    def _authorize(self, scope: str, challenge: Challenge) -> None:
        authorization = self._authenticator.authorize(self._session, self._base, challenge)
        self._tokens[scope] = asyncio.create_task(authorization)

    async def _authorized(self, scope: str) -> str:
        try:
            return await asyncio.shield(self._tokens[scope])
        except AccessError as error:
            raise AccessError(f"{error}. {self._needed_role}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from None

    @property
    def _needed_role(self) -> str:
        return f"The caller needs permission to pull from {self.login_server} (role AcrPull)."

    def _unreachable(self, error: Exception) -> ServiceError:
        reason = f"no response ({type(error).__name__}). Is it running, and reachable from this machine?"
        if isinstance(error, aiohttp.ClientSSLError):
            reason = "its certificate is not trusted; SSL_CERT_FILE names the trusted certificates"
        return ServiceError(f"{self.login_server}: {reason}")

    def _pause(self, response: aiohttp.ClientResponse, attempt: int) -> None:
        """Hold back all requests: the registry's limit applies to all of them."""
        seconds = wait_before_retry(attempt, response.headers.get("Retry-After", ""))
        _log.info("HTTP %d from %s: waiting %.1f s", response.status, self.login_server, seconds)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)


@asynccontextmanager
async def open_transport(login_server: str, authenticator: Authenticator) -> AsyncIterator[RegistryTransport]:
    """Open connections to a host, with its port if it has one, by https unless it begins with `http://`."""
    base = login_server if "://" in login_server else f"https://{login_server}"
    tls = ssl.create_default_context() if base.startswith("https://") else True
    connector = aiohttp.TCPConnector(limit=CONCURRENCY * 2, ssl=tls)
    # Digests are computed from the bytes as stored, so the transport must not decompress them.
    headers = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=_TIMEOUT, proxy=_proxy(base), auto_decompress=False, headers=headers
    ) as session:
        yield RegistryTransport(base.partition("://")[2], base, session, authenticator)


def _proxy(base: str) -> str | None:
    """The environment's proxy for a host; aiohttp itself would read the environment for each request."""
    parts = urlsplit(base)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
