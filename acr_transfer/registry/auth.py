"""Authentication at a registry: answers its challenge with an Azure login or with Docker's credentials.

A credential goes to the registry that it is for, or to the host that issues its tokens: never to the target
of a redirect, and never in clear text over a network (docs/adr/0036-limits-of-the-registry-client.md).
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
https://distribution.github.io/distribution/spec/auth/token/
"""

import asyncio
import base64
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import aiohttp
from yarl import URL

from acr_transfer.errors import AccessError, BrokenAnswerError, ServiceError, explained
from acr_transfer.http_requests import HttpAnswer, repeat_request
from acr_transfer.registry import limits
from acr_transfer.registry.address import RegistryAddress
from acr_transfer.registry.answers import json_object

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

REFRESH_TOKEN_USER = "00000000-0000-0000-0000-000000000000"
"""The user name under which Docker stores the refresh token of `az acr login`."""

_DEFAULT_AUDIENCE = "https://containerregistry.azure.net"
"""The audience of Entra tokens for registries, where the cloud's metadata names none."""

_TOKEN = re.compile(r"[!-~]+")
"""https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""


@dataclass(frozen=True)
class Challenge:
    """A registry's `WWW-Authenticate` header."""

    scheme: str
    realm: str
    service: str
    scope: str

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read the header; a field that it lacks is empty."""
        scheme, _, rest = header.partition(" ")
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        return cls(
            scheme.lower(), fields.get("realm", ""), fields.get("service", ""), fields.get("scope", "")
        )


class Authenticator(Protocol):
    """A way to answer a registry's challenge."""

    async def authorize(
        self, session: aiohttp.ClientSession, registry: RegistryAddress, challenge: Challenge
    ) -> str:
        """Return the value of the `Authorization` header; raises `AccessError` if access is refused."""


@dataclass
class EntraAuthenticator:
    """Exchanges an Entra token for the registry's refresh token, and that for one access token per scope."""

    credential: "AsyncTokenCredential"
    audience: str | None = None
    _refresh_token: str = field(default="", repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def authorize(
        self, session: aiohttp.ClientSession, registry: RegistryAddress, challenge: Challenge
    ) -> str:
        """Return `Bearer …` for the challenge's scope. The registry's own endpoints issue the tokens."""
        _require_private(registry, "a token of Azure's login")
        url = f"{registry.base}/oauth2/token"
        refresh_token = await self._current(session, registry, challenge)
        try:
            return await _access_token(session, url, challenge, refresh_token)
        except AccessError:
            # The refresh token expires after three hours; the refusal of a new one is final.
            async with self._lock:
                self._refresh_token = "" if self._refresh_token == refresh_token else self._refresh_token
            refresh_token = await self._current(session, registry, challenge)
            return await _access_token(session, url, challenge, refresh_token)

    async def _current(
        self, session: aiohttp.ClientSession, registry: RegistryAddress, challenge: Challenge
    ) -> str:
        async with self._lock:
            if not self._refresh_token:
                with explained("signing in", registry.login_server):
                    scope = f"{self.audience or _DEFAULT_AUDIENCE}/.default"
                    token = (await self.credential.get_token(scope)).token
                form = {"grant_type": "access_token", "service": challenge.service, "access_token": token}
                url = f"{registry.base}/oauth2/exchange"
                self._refresh_token = await _token(session.post, url, "refresh_token", data=form)
            return self._refresh_token


@dataclass(frozen=True)
class DockerAuthenticator:
    """Uses a user name and a secret that Docker stores; without them it is anonymous."""

    user: str = ""
    secret: str = field(default="", repr=False)

    async def authorize(
        self, session: aiohttp.ClientSession, registry: RegistryAddress, challenge: Challenge
    ) -> str:
        """Return `Basic …` or `Bearer …`, as the challenge requires."""
        if self.secret:
            _require_private(registry, "Docker's credentials")
        basic = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        if challenge.scheme == "basic":
            if not self.secret:
                raise AccessError(
                    f"{registry.login_server} requires a user name and a password: run `docker login` first"
                )
            return f"Basic {basic}"
        realm = registry.token_url(challenge.realm)
        if self.user in (REFRESH_TOKEN_USER, "<token>"):
            return await _access_token(session, realm, challenge, self.secret)
        query = {"service": challenge.service, "scope": challenge.scope}
        headers = {"Authorization": f"Basic {basic}"} if self.secret else {}
        token = await _token(session.get, realm, "token", "access_token", params=query, headers=headers)
        return f"Bearer {token}"


def _require_private(registry: RegistryAddress, credential: str) -> None:
    if not registry.is_private:
        raise AccessError(
            f"{registry.login_server} is addressed by http, and {credential} would cross the network in "
            f"clear text. Address it by https: --registry {registry.login_server}"
        )


async def _access_token(session: aiohttp.ClientSession, url: str, challenge: Challenge, refresh: str) -> str:
    form = {
        "grant_type": "refresh_token",
        "service": challenge.service,
        "scope": challenge.scope,
        "refresh_token": refresh,
    }
    return f"Bearer {await _token(session.post, url, 'access_token', data=form)}"


async def _token(
    send: Callable[..., AbstractAsyncContextManager[aiohttp.ClientResponse]],
    url: str,
    *keys: str,
    **content: Mapping[str, str],
) -> str:
    """The token in the response to a request, under the first of these keys that has one.

    The request is sent again after a transient failure, as every other one.
    """
    tried = f"signing in to {URL(url).host}"

    async def answer() -> HttpAnswer:
        async with send(url, allow_redirects=False, **content) as response:
            return HttpAnswer(response.status, response.headers, await limits.LIMITS.read(response, tried))

    return _token_in(await repeat_request(answer), keys, tried)


def _token_in(answer: HttpAnswer, keys: Sequence[str], tried: str) -> str:
    if answer.status in (400, 401, 403):
        raise AccessError(f"{tried}: refused (HTTP {answer.status})")
    if 300 <= answer.status < 400:
        raise ServiceError(f"{tried}: no redirect is followed with a credential (HTTP {answer.status})")
    if answer.status != 200:
        raise ServiceError(f"{tried}: unexpected response (HTTP {answer.status})")
    document = json_object(answer.headers, answer.body, tried)
    return _text_token(next((document[key] for key in keys if document.get(key)), None), tried)


def _text_token(value: Any, tried: str) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise BrokenAnswerError(f"{tried}: the response has no valid token")
    return value
