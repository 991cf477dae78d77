"""How a registry is signed in to: by what its challenge asks, with a login of Azure or Docker's credentials.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from acr_transfer.errors import AccessError, ServiceError, explained

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_HOLDER_OF_A_REFRESH_TOKEN = "00000000-0000-0000-0000-000000000000"
"""The user name under which Docker keeps what `az acr login` got."""

_DEFAULT_AUDIENCE = "https://containerregistry.azure.net"
"""What a token for a registry is asked for where the cloud names nothing else."""


@dataclass(frozen=True)
class Challenge:
    """What a registry asks of who knocks without the right token."""

    scheme: str
    realm: str
    service: str
    scope: str

    @classmethod
    def parse(cls, header: str) -> Challenge:
        """Read a `WWW-Authenticate` header."""
        scheme, _, rest = header.partition(" ")
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        return cls(scheme.lower(), said.get("realm", ""), said.get("service", ""), said.get("scope", ""))


class SignIn(Protocol):
    """One way to answer a challenge."""

    async def answer(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """The value of an `Authorization` header; raises `AccessError` if there is none."""


@dataclass
class AzureSignIn:
    """An Entra token becomes the registry's refresh token, and that an access token for each scope."""

    login: AsyncTokenCredential
    audience: str | None = None
    _refresh: str = field(default="", repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def answer(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """`Bearer …`, good for the challenge's scope."""
        refresh = await self._refreshed(session, base, challenge)
        try:
            return await _exchanged_for_access(session, f"{base}/oauth2/token", challenge, refresh)
        except AccessError:
            # It may have run out, after three hours. A new one that is refused too is a refusal.
            async with self._turn:
                self._refresh = "" if self._refresh == refresh else self._refresh
            refresh = await self._refreshed(session, base, challenge)
            return await _exchanged_for_access(session, f"{base}/oauth2/token", challenge, refresh)

    async def _refreshed(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        async with self._turn:
            if not self._refresh:
                self._refresh = await self._exchanged(session, base, challenge)
            return self._refresh

    async def _exchanged(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        with explained("signing in", challenge.service):
            token = await self.login.get_token(f"{self.audience or _DEFAULT_AUDIENCE}/.default")
        form = {"grant_type": "access_token", "service": challenge.service, "access_token": token.token}
        return await _posted(session, f"{base}/oauth2/exchange", form, "refresh_token")


@dataclass(frozen=True)
class DockerSignIn:
    """What `docker login`, `az acr login` or a credential helper left here; else no name at all."""

    user: str = ""
    secret: str = field(default="", repr=False)

    async def answer(self, session: aiohttp.ClientSession, base: str, challenge: Challenge) -> str:
        """`Basic …` or `Bearer …`, whichever the registry asks for."""
        basic = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        if challenge.scheme == "basic":
            if not self.secret:
                raise AccessError(f"{base} asks for a name and password: `docker login` to it first")
            return f"Basic {basic}"
        if self.user in (_HOLDER_OF_A_REFRESH_TOKEN, "<token>"):
            return await _exchanged_for_access(session, challenge.realm, challenge, self.secret)
        return f"Bearer {await self._fetched(session, challenge, basic)}"

    async def _fetched(self, session: aiohttp.ClientSession, challenge: Challenge, basic: str) -> str:
        query = {"service": challenge.service, "scope": challenge.scope}
        headers = {"Authorization": f"Basic {basic}"} if self.secret else {}
        async with session.get(challenge.realm, params=query, headers=headers) as answer:
            said = await _answered(answer)
        return str(said.get("token") or said.get("access_token") or "")


async def _exchanged_for_access(
    session: aiohttp.ClientSession, url: str, challenge: Challenge, refresh: str
) -> str:
    form = {"grant_type": "refresh_token", "service": challenge.service, "scope": challenge.scope}
    return f"Bearer {await _posted(session, url, {**form, 'refresh_token': refresh}, 'access_token')}"


async def _posted(session: aiohttp.ClientSession, url: str, form: Mapping[str, str], key: str) -> str:
    async with session.post(url, data=dict(form)) as answer:
        said = await _answered(answer)
    if not isinstance(said.get(key), str):
        raise ServiceError(f"{answer.url.host} signs in without giving a {key.replace('_', ' ')}")
    return str(said[key])


async def _answered(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if answer.status in (400, 401, 403):
        raise AccessError(f"{answer.url.host}: refused (HTTP {answer.status}) while signing in")
    if answer.status != 200:
        raise ServiceError(f"{answer.url.host}: unexpected answer (HTTP {answer.status}) while signing in")
    try:
        said = json.loads(await answer.read())
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ServiceError(f"{answer.url.host}: an answer that is no JSON object while signing in")
    return said


def docker_credentials(host: str, environ: Mapping[str, str] = os.environ) -> DockerSignIn | None:
    """What Docker's configuration and its credential helpers hold for a registry; None if nothing.

    https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        configuration = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return None
    helper = (configuration.get("credHelpers") or {}).get(host) or configuration.get("credsStore")
    found = _asked(str(helper), host) if helper else None
    entry = (configuration.get("auths") or {}).get(host)
    return found or (_kept(entry) if isinstance(entry, dict) else None)


def _asked(helper: str, host: str) -> DockerSignIn | None:
    """https://github.com/docker/docker-credential-helpers#development"""
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        return None
    done = subprocess.run(
        [program, "get"], input=host, capture_output=True, text=True, check=False, timeout=60
    )
    try:
        said = json.loads(done.stdout)
        return DockerSignIn(str(said["Username"]), str(said["Secret"])) if not done.returncode else None
    except (ValueError, KeyError, TypeError):
        return None


def _kept(entry: Mapping[str, Any]) -> DockerSignIn | None:
    if entry.get("identitytoken"):
        return DockerSignIn(_HOLDER_OF_A_REFRESH_TOKEN, str(entry["identitytoken"]))
    try:
        user, colon, secret = base64.b64decode(entry.get("auth") or "").decode().partition(":")
    except ValueError:
        return None
    return DockerSignIn(user, secret) if colon else None
