"""Authentication at a registry: answers its challenge with an Azure login or with Docker's credentials.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
https://distribution.github.io/distribution/spec/auth/token/
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import aiohttp

from acr_transfer.errors import AccessError, ServiceError, explained

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_REFRESH_TOKEN_USER = "00000000-0000-0000-0000-000000000000"
"""The user name under which Docker stores the refresh token of `az acr login`."""

_DEFAULT_AUDIENCE = "https://containerregistry.azure.net"
"""The audience of Entra tokens for registries, where the cloud's metadata names none."""


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

    async def authorize(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """Return the value of the `Authorization` header; raises `AccessError` if access is refused."""


@dataclass
class EntraAuthenticator:
    """Exchanges an Entra token for the registry's refresh token, and that for one access token per scope."""

    credential: "AsyncTokenCredential"
    audience: str | None = None
    _refresh_token: str = field(default="", repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def authorize(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """Return `Bearer …` for the challenge's scope."""
        url = f"{base}/oauth2/token"
        refresh_token = await self._current(session, base, challenge)
        try:
            return await _access_token(session, url, challenge, refresh_token)
        except AccessError:
            # The refresh token expires after three hours; the refusal of a new one is final.
            async with self._lock:
                self._refresh_token = "" if self._refresh_token == refresh_token else self._refresh_token
            refresh_token = await self._current(session, base, challenge)
            return await _access_token(session, url, challenge, refresh_token)

    async def _current(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        async with self._lock:
            if not self._refresh_token:
                with explained("signing in", challenge.service):
                    scope = f"{self.audience or _DEFAULT_AUDIENCE}/.default"
                    token = (await self.credential.get_token(scope)).token
                form = {"grant_type": "access_token", "service": challenge.service, "access_token": token}
                response = session.post(f"{base}/oauth2/exchange", data=form)
                self._refresh_token = await _token(response, "refresh_token")
            return self._refresh_token


@dataclass(frozen=True)
class DockerAuthenticator:
    """Uses a user name and a secret that Docker stores; without them it is anonymous."""

    user: str = ""
    secret: str = field(default="", repr=False)

    async def authorize(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """Return `Basic …` or `Bearer …`, as the challenge requires."""
        basic = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        if challenge.scheme == "basic":
            if not self.secret:
                raise AccessError(f"{base} requires a user name and a password: run `docker login` first")
            return f"Basic {basic}"
        if self.user in (_REFRESH_TOKEN_USER, "<token>"):
            return await _access_token(session, challenge.realm, challenge, self.secret)
        query = {"service": challenge.service, "scope": challenge.scope}
        headers = {"Authorization": f"Basic {basic}"} if self.secret else {}
        response = session.get(challenge.realm, params=query, headers=headers)
        return f"Bearer {await _token(response, 'token', 'access_token')}"


async def _access_token(session: aiohttp.ClientSession, url: str, challenge: Challenge, refresh: str) -> str:
    form = {
        "grant_type": "refresh_token",
        "service": challenge.service,
        "scope": challenge.scope,
        "refresh_token": refresh,
    }
    return f"Bearer {await _token(session.post(url, data=form), 'access_token')}"


async def _token(request: AbstractAsyncContextManager[aiohttp.ClientResponse], *keys: str) -> str:
    """The token in the response to a request, under the first of these keys that has one."""
    async with request as response:
        tried = f"signing in to {response.url.host}"
        if response.status in (400, 401, 403):
            raise AccessError(f"{tried}: refused (HTTP {response.status})")
        if response.status != 200:
            raise ServiceError(f"{tried}: unexpected response (HTTP {response.status})")
        content = await response.read()
    with contextlib.suppress(ValueError):
        document = json.loads(content)
        for key in keys if isinstance(document, dict) else ():
            if document.get(key) and isinstance(document[key], str):
                return str(document[key])
    raise ServiceError(f"{tried}: the response has no {keys[0].replace('_', ' ')}")


def docker_credentials(host: str, environ: Mapping[str, str] = os.environ) -> DockerAuthenticator | None:
    """Return the credentials of a registry in Docker's configuration or credential helpers; None without any.

    https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        configuration = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return None
    helper = (configuration.get("credHelpers") or {}).get(host) or configuration.get("credsStore")
    entry = (configuration.get("auths") or {}).get(host)
    found = _from_helper(str(helper), host) if helper else None
    return found or (_from_entry(entry) if isinstance(entry, dict) else None)


def _from_helper(helper: str, host: str) -> DockerAuthenticator | None:
    """https://github.com/docker/docker-credential-helpers#development"""
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        return None
    done = subprocess.run(
        [program, "get"], input=host, capture_output=True, text=True, check=False, timeout=60
    )
    try:
        stored = json.loads(done.stdout)
        credentials = DockerAuthenticator(str(stored["Username"]), str(stored["Secret"]))
    except (ValueError, KeyError, TypeError):
        return None
    return None if done.returncode else credentials


def _from_entry(entry: Mapping[str, Any]) -> DockerAuthenticator | None:
    if entry.get("identitytoken"):
        return DockerAuthenticator(_REFRESH_TOKEN_USER, str(entry["identitytoken"]))
    try:
        user, colon, secret = base64.b64decode(entry.get("auth") or "").decode().partition(":")
    except ValueError:
        return None
    return DockerAuthenticator(user, secret) if colon else None
