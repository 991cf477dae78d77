"""The client of Azure Resource Manager (ARM)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.http_session import http_session
from acr_transfer.errors import AccessError, ServiceError, explained, host
from acr_transfer.model.visible_text import visible_line
from acr_transfer.retry import TRANSIENT, TRIES, wait_before_retry

PIPELINES = "2025-06-01-preview"
"""The API version that returns a pipeline's storage access mode."""

PIPELINES_WITHOUT_MODE = "2024-11-01-preview"
"""The API version for clouds that do not have `PIPELINES`."""

_READER = "the role Reader on it"


class ArmClient:
    """Requests to one cloud's Resource Manager.

    https://learn.microsoft.com/rest/api/resources/
    """

    def __init__(
        self, cloud: Cloud, credential: AsyncTokenCredential, session: aiohttp.ClientSession
    ) -> None:
        self.cloud = cloud
        self.host = host(cloud.resource_manager)
        self._credential, self._session = credential, session
        self.date = ""
        """The `Date` header of the last response."""

    async def get(self, id: str, *versions: str) -> dict[str, Any] | None:
        """Return a resource, or None if it does not exist; `versions` are tried until the cloud knows one.

        Raises `AccessError` if the caller may not read it, `ServiceError` for any other failure.
        """
        for version in versions:
            status, body = await self._request("GET", _versioned(id, version))
            if status == 404:
                return None
            if status != 400 or version == versions[-1]:
                return self._checked(status, body, id, _READER)
        raise AssertionError("no version given")

    async def list(self, path: str, *versions: str) -> list[dict[str, Any]]:
        """Return all resources of a collection, from all pages; none if the collection does not exist."""
        page = await self.get(path, *versions) or {}
        found = list(page.get("value") or [])
        while page.get("nextLink"):
            status, body = await self._request("GET", str(page["nextLink"]))
            page = self._checked(status, body, path, _READER)
            found += page.get("value") or []
        return found

    async def find_by_endpoint(
        self, collection: str, version: str, url: str, endpoint: Callable[[dict[str, Any]], str]
    ) -> dict[str, Any] | None:
        """Return the resource of a collection whose `endpoint` is the base of `url`; None if none is."""
        for resource in await self.list(collection, version):
            base = endpoint(resource).rstrip("/").lower()
            if base and url.lower().startswith(f"{base}/"):
                return resource
        return None

    async def post(self, path: str, version: str, *, needs: str) -> dict[str, Any]:
        """Run an action that changes nothing. `needs` names the caller's right for the `AccessError`."""
        status, body = await self._request("POST", _versioned(path, version))
        return self._checked(status, body, path, needs)

    async def remove(self, id: str, version: str, *, needs: str) -> None:
        """Delete a resource. A resource that does not exist counts as deleted. `needs` as in `post`."""
        status, body = await self._request("DELETE", _versioned(id, version))
        if status not in (200, 202, 204, 404):
            self._checked(status, body, id, needs)

    async def _request(self, method: str, path: str) -> tuple[int, bytes]:
        """Send a request, again while the failure is transient; all requests here may be repeated."""
        url = path if "://" in path else f"{self.cloud.resource_manager.rstrip('/')}{path}"
        if host(url) != self.host:
            raise ServiceError(f"{self.host} continues a list at another host, {host(url)}")
        attempt = 1
        while True:
            with explained("signing in", self.host):
                token = await self._credential.get_token(self.cloud.scope)
            headers = {"Authorization": f"Bearer {token.token}"}
            try:
                async with self._session.request(method, url, headers=headers) as response:
                    body = await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ServiceError(f"{self.host}: no response ({type(error).__name__})") from None
            self.date = response.headers.get("Date", "")
            if response.status not in TRANSIENT or attempt == TRIES:
                return response.status, body
            await asyncio.sleep(wait_before_retry(attempt, response.headers.get("Retry-After", "")))
            attempt += 1

    def _checked(self, status: int, body: bytes, id: str, needs: str) -> dict[str, Any]:
        if status in (401, 403):
            refused = f"{self.host} refused access to {id} (HTTP {status}). The caller needs {needs}."
            raise AccessError(visible_line(refused))
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if status != 200 or not isinstance(found, dict):
            error = found.get("error") if isinstance(found, dict) else None
            code = error.get("code") if isinstance(error, dict) else "no error code"
            raise ServiceError(visible_line(f"{self.host} answered HTTP {status} for {id}: {code}"))
        return found


@asynccontextmanager
async def arm_client(cloud: Cloud, credential: AsyncTokenCredential) -> AsyncIterator[ArmClient]:
    """A client of the cloud's Resource Manager."""
    async with http_session() as session:
        yield ArmClient(cloud, credential, session)


def blob_endpoint(account: Mapping[str, Any]) -> str:
    """The blob endpoint of a storage account; empty if it has none."""
    return str(((account.get("properties") or {}).get("primaryEndpoints") or {}).get("blob") or "")


def _versioned(path: str, version: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}api-version={version}"
