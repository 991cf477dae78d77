"""Requests to one registry: signed in once a scope, a bounded number at a time, patient when told to wait."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import logging
import random
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp

from acr_transfer.errors import AccessError, ServiceError
from acr_transfer.registry.auth import Challenge, SignIn

AT_A_TIME = 32
"""Requests under way at once. More bring nothing: one core of the client is busy with these."""

_TRIES = 6
_LONGEST_PAUSE = 60.0
_PASSING = (408, 429, 500, 502, 503, 504)
_QUIET = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)

_log = logging.getLogger("acr_transfer.registry.transport")


class Wire:
    """The way to one registry."""

    def __init__(self, login_server: str, base: str, session: aiohttp.ClientSession, sign_in: SignIn) -> None:
        self.login_server = login_server
        self._base, self._session, self._sign_in = base, session, sign_in
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._tokens: dict[str, asyncio.Task[str]] = {}
        self._door: asyncio.Task[Challenge | None] | None = None
        self._resting_until = 0.0
        self.requests = 0
        """Requests for content sent so far, tries included."""

    @asynccontextmanager
    async def ask(
        self, path: str, scope: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, its body unread. `scope` is `repository:<name>:pull` or the like.

        Answers of 404 are given as they are, and all below 400; what passes by itself is tried again, after
        the time that the registry asks for. Raises `AccessError` and `ServiceError`.
        """
        async with self._places, contextlib.AsyncExitStack() as stack:
            yield await self._answered(stack, method, path, scope, headers or {})

    async def _answered(
        self, stack: contextlib.AsyncExitStack, method: str, path: str, scope: str, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        signed_in = 0
        for attempt in range(1, _TRIES + 1):
            await self._rest()
            try:
                answer = await self._sent(stack, method, path, headers, await self._token(scope))
            except (aiohttp.ClientError, TimeoutError) as error:
                # A door that is not there will not open by itself; one that closed in passing may.
                if attempt == _TRIES or isinstance(error, aiohttp.ClientConnectorError):
                    raise self._unanswered(error) from None
                await asyncio.sleep(_pause(attempt))
                continue
            if answer.status == 401 and signed_in < 2:
                signed_in += 1
                await self._challenged(answer, scope)
                answer.release()
            elif answer.status in _PASSING and attempt < _TRIES:
                self._told_to_wait(answer, attempt)
                answer.release()
            else:
                return self._sound(answer, path)
        raise ServiceError(f"{self.login_server}: no good answer in {_TRIES} tries")

    async def _sent(
        self, stack: contextlib.AsyncExitStack, method: str, path: str, headers: Mapping[str, str], token: str
    ) -> aiohttp.ClientResponse:
        signed = {**headers, "Authorization": token} if token else headers
        self.requests += 1
        _log.debug("%s %s", method, path.partition("?")[0])
        return await stack.enter_async_context(
            self._session.request(method, f"{self._base}{path}", headers=signed)
        )

    def _sound(self, answer: aiohttp.ClientResponse, path: str) -> aiohttp.ClientResponse:
        if answer.status in (401, 403):
            raise AccessError(
                f"reading at {self.login_server}: refused (HTTP {answer.status}). {self._needs}"
            )
        if answer.status >= 400 and answer.status != 404:
            what = path.partition("?")[0]
            raise ServiceError(f"{self.login_server} answers HTTP {answer.status} for {what}. Try again.")
        return answer

    async def _token(self, scope: str) -> str:
        """The `Authorization` for a scope; asked for beforehand once the registry's door is known."""
        if self._door is None:
            self._door = asyncio.create_task(self._knock())
        door = self._door.result() if self._door.done() else await asyncio.shield(self._door)
        if scope not in self._tokens and door is not None:
            self._sign(scope, replace(door, scope=scope))
        return await self._signed(scope) if scope in self._tokens else ""

    async def _knock(self) -> Challenge | None:
        """What the registry asks of everybody; None if it asks nothing.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
        """
        try:
            async with self._session.get(f"{self._base}/v2/") as answer:
                header = answer.headers.get("WWW-Authenticate", "")
                return Challenge.parse(header) if answer.status == 401 else None
        except (aiohttp.ClientError, TimeoutError):
            # The request that follows fails the same way, and says so.
            return None

    async def _challenged(self, answer: aiohttp.ClientResponse, scope: str) -> None:
        """Sign in as the challenge asks, once for all who wait for it."""
        used = answer.request_info.headers.get("Authorization", "")
        known = self._tokens.get(scope)
        if known is None or (known.done() and await self._signed(scope) == used):
            self._sign(scope, Challenge.parse(answer.headers.get("WWW-Authenticate", "")))

    def _sign(self, scope: str, challenge: Challenge) -> None:
        self._tokens[scope] = asyncio.create_task(self._sign_in.answer(self._session, self._base, challenge))

    async def _signed(self, scope: str) -> str:
        try:
            return await asyncio.shield(self._tokens[scope])
        except AccessError as error:
            raise AccessError(f"{error}. {self._needs}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unanswered(error) from None

    @property
    def _needs(self) -> str:
        return f"The caller needs to pull from {self.login_server} (the role AcrPull)."

    def _unanswered(self, error: Exception) -> ServiceError:
        if isinstance(error, aiohttp.ClientSSLError):
            why = "its certificate is not trusted here; SSL_CERT_FILE names the trusted ones"
            return ServiceError(f"{self.login_server}: {why}")
        why = f"no answer ({type(error).__name__}). Is it up, and reachable from here?"
        return ServiceError(f"{self.login_server}: {why}")

    async def _rest(self) -> None:
        while (left := self._resting_until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def _told_to_wait(self, answer: aiohttp.ClientResponse, attempt: int) -> None:
        """Nobody asks again before the time that the registry named; it speaks for all requests."""
        pause = retry_after(answer.headers.get("Retry-After", ""))
        pause = _pause(attempt) if pause is None else min(pause, _LONGEST_PAUSE)
        _log.info("HTTP %d from %s: resting %.1f s", answer.status, self.login_server, pause)
        self._resting_until = max(self._resting_until, time.monotonic() + pause)


def _pause(attempt: int) -> float:
    return float(min(0.25 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))


def retry_after(value: str) -> float | None:
    """Seconds of a `Retry-After` header, a number or a date; None if there is none.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


@asynccontextmanager
async def opened(login_server: str, sign_in: SignIn) -> AsyncIterator[Wire]:
    """The way to a registry: a host with its port if it has one, over https; `http://` must be said."""
    base = login_server if "://" in login_server else f"https://{login_server}"
    secure = base.startswith("https://")
    connector = aiohttp.TCPConnector(
        limit=AT_A_TIME * 2, ssl=ssl.create_default_context() if secure else True
    )
    # The bytes decide, so nothing on the way may unpack them.
    plain = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=_QUIET, proxy=_proxy(base), auto_decompress=False, headers=plain
    ) as session:
        yield Wire(base.partition("://")[2], base, session, sign_in)


def _proxy(base: str) -> str | None:
    """The proxy that the environment names for a host; aiohttp itself would ask again for each request."""
    parts = urlsplit(base)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
