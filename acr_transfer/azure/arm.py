"""The client of Azure Resource Manager (ARM)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.http_session import PAGES, AzureHttp, http_session
from acr_transfer.errors import AccessError, BrokenAnswerError, ServiceError, explained, host, request_id
from acr_transfer.http_requests import HttpAnswer
from acr_transfer.model.failures.commands import UNEXPECTED_RESPONSE
from acr_transfer.model.visible_text import visible_line

PIPELINES = "2025-06-01-preview"
"""The API version that returns a pipeline's storage access mode."""

PIPELINES_WITHOUT_MODE = "2024-11-01-preview"
"""The API version for clouds that do not have `PIPELINES`."""

REGISTRIES = "2025-06-01-preview"
"""The API version that returns a registry's role assignment mode."""

REGISTRIES_WITHOUT_MODE = "2023-07-01"
"""The API version for clouds that do not have `REGISTRIES`."""

_READER = "the role Reader on it"


class ArmClient:
    """Requests to one cloud's Resource Manager.

    https://learn.microsoft.com/rest/api/resources/
    """

    def __init__(self, cloud: Cloud, credential: AsyncTokenCredential, http: AzureHttp) -> None:
        self.cloud = cloud
        self.host = host(cloud.resource_manager)
        self._credential, self._http = credential, http
        self.date = ""
        """The `Date` header of the last response."""

    async def get(self, id: str, *versions: str) -> dict[str, Any] | None:
        """Return a resource, or None if it does not exist; `versions` are tried until the cloud knows one.

        Raises `AccessError` if the caller may not read it, `ServiceError` for any other failure.
        """
        for version in versions:
            answer = await self._request("GET", _versioned(id, version))
            if answer.status == 404:
                return None
            if answer.status != 400 or version == versions[-1]:
                return self._checked(answer, id, _READER)
        raise AssertionError("no version given")

    async def list(self, path: str, *versions: str) -> list[dict[str, Any]]:
        """Return all resources of a collection, from all pages; none if the collection does not exist."""
        return [*(await self.list_existing(path, *versions) or ())]

    async def list_existing(self, path: str, *versions: str) -> Sequence[dict[str, Any]] | None:
        """Return all resources of a collection as `list` does, but None if the collection does not exist."""
        page = await self.get(path, *versions)
        if page is None:
            return None
        found = _entries(page)
        visited = set[str]()
        while link := str(page.get("nextLink") or ""):
            if link in visited or len(visited) >= PAGES:
                raise BrokenAnswerError(f"{self.host}: the list {path} does not end")
            visited.add(link)
            page = self._checked(await self._request("GET", link), path, _READER)
            found += _entries(page)
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
        answer = await self._request("POST", _versioned(path, version))
        return self._checked(answer, path, needs)

    async def remove(self, id: str, version: str, *, needs: str) -> None:
        """Delete a resource. A resource that does not exist counts as deleted. `needs` as in `post`."""
        answer = await self._request("DELETE", _versioned(id, version))
        if answer.status not in (200, 202, 204, 404):
            self._checked(answer, id, needs)

    async def sign_in(self) -> str:
        """Return a token for Resource Manager. Raises `LoginError` if this cloud accepts no login."""
        with explained("signing in", self.host):
            return (await self._credential.get_token(self.cloud.scope)).token

    async def _request(self, method: str, path: str) -> HttpAnswer:
        """Send a request to this cloud's Resource Manager, and to no other host."""
        base = self.cloud.resource_manager.rstrip("/")
        url = path if "://" in path else f"{base}{path}"
        if host(url) != self.host or not url.lower().startswith("https://"):
            raise ServiceError(f"{self.host} continues a list at another host, {host(url)}")
        token = await self.sign_in()
        answer = await self._http.request(method, url, {"Authorization": f"Bearer {token}"})
        self.date = answer.headers.get("Date", "")
        return answer

    def _checked(self, answer: HttpAnswer, id: str, needs: str) -> dict[str, Any]:
        status, found = answer.status, answer.json()
        if status in (401, 403):
            refused = f"{self.host} refused access to {id} (HTTP {status}). The caller needs {needs}."
            raise AccessError(visible_line(refused))
        if status != 200 or not isinstance(found, dict):
            error = found.get("error") if isinstance(found, dict) else None
            code = error.get("code") if isinstance(error, dict) else "no error code"
            message = f"{self.host} answered HTTP {status} for {id}: {code}{request_id(answer.headers)}"
            raise ServiceError(visible_line(message)).led_out(UNEXPECTED_RESPONSE)
        return found


@asynccontextmanager
async def arm_client(cloud: Cloud, credential: AsyncTokenCredential) -> AsyncIterator[ArmClient]:
    """A client of the cloud's Resource Manager."""
    async with http_session() as http:
        yield ArmClient(cloud, credential, http)


def blob_endpoint(account: Mapping[str, Any]) -> str:
    """The blob endpoint of a storage account; empty if it has none."""
    return str(((account.get("properties") or {}).get("primaryEndpoints") or {}).get("blob") or "")


def _entries(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = page.get("value") or []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise BrokenAnswerError("Resource Manager returned a list whose entries are not resources")
    return list(listed)


def _versioned(path: str, version: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}api-version={version}"
