"""Questions to Azure Resource Manager, with the caller's login, and the removal of what it names."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from acr_transfer.errors import AccessError, MissingError, ServiceError, explained, host

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from acr_transfer.azure.clouds import Cloud

PIPELINES = "2025-06-01-preview"
"""The version that tells how a pipeline reaches its storage."""

PIPELINES_WITHOUT_MODE = "2024-11-01-preview"
"""The one for clouds that do not have the other yet."""

_PATIENCE = aiohttp.ClientTimeout(total=60)


class Management:
    """One cloud's management endpoint.

    https://learn.microsoft.com/rest/api/resources/
    """

    def __init__(self, cloud: Cloud, login: AsyncTokenCredential, session: aiohttp.ClientSession) -> None:
        self.cloud = cloud
        self._login, self._session = login, session
        self.date = ""
        """The time of the cloud's last answer, as its header spells it."""

    async def get(self, id: str, *versions: str) -> dict[str, Any] | None:
        """A resource by its ID, or None where there is none; asked in the first version that the cloud knows.

        Raises `AccessError` if the caller may not look at it (Reader can), `ServiceError` for anything else.
        """
        for version in versions:
            joint = "&" if "?" in id else "?"
            status, body = await self._ask("GET", f"{id}{joint}api-version={version}")
            if status == 404:
                return None
            if status != 400 or version == versions[-1]:
                return self._checked(status, body, id)
        raise AssertionError("no version given")

    async def remove(self, id: str, version: str, *, needs: str) -> None:
        """Remove a resource, or find it gone. Raises `AccessError` that says what the caller `needs`."""
        status, body = await self._ask("DELETE", f"{id}?api-version={version}")
        if status in (401, 403):
            where = host(self.cloud.resource_manager)
            raise AccessError(f"removing {id} at {where}: refused (HTTP {status}). {needs}")
        if status not in (200, 202, 204, 404):
            self._checked(status, body, id)

    async def list(self, path: str, *versions: str) -> list[dict[str, Any]]:
        """All resources of a collection, on all its pages; none where its parent is gone."""
        page = await self.get(path, *versions) or {}
        found = list(page.get("value") or [])
        while page.get("nextLink"):
            status, body = await self._ask("GET", str(page["nextLink"]))
            page = self._checked(status, body, path)
            found += page.get("value") or []
        return found

    async def _ask(self, method: str, path: str) -> tuple[int, bytes]:
        where = host(self.cloud.resource_manager)
        with explained("signing in", where):
            token = await self._login.get_token(self.cloud.scope)
        url = path if "://" in path else f"{self.cloud.resource_manager.rstrip('/')}{path}"
        if host(url) != where:
            raise ServiceError(f"{where} continues a list at another host, {host(url)}")
        headers = {"Authorization": f"Bearer {token.token}"}
        try:
            async with self._session.request(method, url, headers=headers) as answer:
                self.date = answer.headers.get("Date", "")
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceError(f"{where}: no answer ({type(error).__name__})") from None

    def _checked(self, status: int, body: bytes, id: str) -> dict[str, Any]:
        where = host(self.cloud.resource_manager)
        if status in (401, 403):
            raise AccessError(f"looking at {id} at {where}: refused (HTTP {status}). Reader is enough.")
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if status != 200 or not isinstance(found, dict):
            raise ServiceError(f"{where} answers HTTP {status} about {id}: {_code(found)}")
        return found


@asynccontextmanager
async def opened(cloud: Cloud, login: AsyncTokenCredential) -> AsyncIterator[Management]:
    """The management endpoint of a cloud; its connections end with the block."""
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE, trust_env=True) as session:
        yield Management(cloud, login, session)


async def login_server(registry_id: str, management: Management) -> str:
    """The login server of a registry, by its resource ID. Raises `MissingError` if it is not there."""
    found = await management.get(registry_id, "2023-07-01")
    if found is None:
        raise MissingError(f"{registry_id} is not there: see acr-transfer:registry, registryResourceGroup")
    return str(found["properties"]["loginServer"])


def _code(found: object) -> str:
    error = found.get("error") if isinstance(found, Mapping) else None
    return str(error.get("code")) if isinstance(error, Mapping) else "no reason given"
