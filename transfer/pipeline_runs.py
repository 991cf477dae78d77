"""The pipeline runs of a registry, as Azure Resource Manager lists them, and their removal.

https://learn.microsoft.com/rest/api/container-registry/pipeline-runs
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential

from transfer.clouds import Cloud
from transfer.errors import AccessError, ServiceError, explained, host

_API_VERSION = "2023-01-01-preview"
_PATIENCE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """One run, and the blob that it wrote or read."""

    id: str
    name: str
    blob: str
    status: str
    """`Succeeded`, `Failed`, or whatever Azure calls a run that is under way."""

    started: datetime | None
    finished: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("Succeeded", "Failed")


class PipelineRuns:
    """The runs of one registry."""

    def __init__(self, session: aiohttp.ClientSession, manager: str, registry_id: str, token: str) -> None:
        self._session, self._manager, self._registry_id = session, manager.rstrip("/"), registry_id
        self._headers = {"Authorization": f"Bearer {token}"}

    async def all(self, container_url: str) -> list[PipelineRun]:
        """All runs, of all pipelines; the blobs are those of this container."""
        url = f"{self._manager}{self._registry_id}/pipelineRuns?api-version={_API_VERSION}"
        found: list[PipelineRun] = []
        while url:
            page = await self._ask("GET", url, "listing the runs")
            found += [_run(run, container_url) for run in page.get("value") or ()]
            url = str(page.get("nextLink") or "")
        return found

    async def remove(self, run: PipelineRun) -> None:
        """Remove the record of a run; neither blob nor images change."""
        url = f"{self._manager}{run.id}?api-version={_API_VERSION}"
        await self._ask("DELETE", url, f"removing run {run.name}")

    async def _ask(self, method: str, url: str, doing: str) -> dict[str, Any]:
        where = host(self._manager)
        try:
            async with self._session.request(method, url, headers=self._headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceError(f"{doing} at {where}: no answer ({type(error).__name__})") from None
        if answer.status in (401, 403):
            raise AccessError(
                f"{doing} at {where}: refused (HTTP {answer.status}). The caller needs the role Container "
                "Registry Transfer Pipeline Contributor on the registry."
            )
        if method == "DELETE" and answer.status == 404:
            return {}
        if answer.status >= 400:
            raise ServiceError(f"{doing} at {where}: unexpected answer (HTTP {answer.status})")
        return dict(json.loads(content or "{}")) if method == "GET" else {}


@asynccontextmanager
async def opened(pipeline_id: str, cloud: Cloud, login: AsyncTokenCredential) -> AsyncIterator[PipelineRuns]:
    """The runs of the registry that a pipeline belongs to."""
    with explained("signing in", host(cloud.resource_manager)):
        token = await login.get_token(cloud.scope)
    registry_id = pipeline_id.rsplit("/", 2)[0]
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE, trust_env=True) as session:
        yield PipelineRuns(session, cloud.resource_manager, registry_id, token.token)


def _run(found: Mapping[str, Any], container_url: str) -> PipelineRun:
    properties = found.get("properties") or {}
    response = properties.get("response") or {}
    states = {properties.get("provisioningState"), response.get("status")}
    # Good when both say so, failed when either does.
    ended = "Failed" if "Failed" in states else "Succeeded" if states == {"Succeeded"} else ""
    return PipelineRun(
        id=str(found.get("id")),
        name=str(found.get("name")),
        blob=_blob(properties.get("request") or {}, response, container_url),
        status=ended or str(response.get("status") or "unknown"),
        started=_time(response.get("startTime")),
        finished=_time(response.get("finishTime")),
    )


def _blob(request: Mapping[str, Any], response: Mapping[str, Any], container_url: str) -> str:
    """The name of the blob: as asked for, or, for a run of the trigger, the end of its URL."""
    for end in ("source", "target"):
        name = (request.get(end) or {}).get("name")
        if name:
            return str(name)
    for end in ("source", "target"):
        uri, start = str((response.get(end) or {}).get("uri") or ""), f"{container_url.rstrip('/')}/"
        if uri.lower().startswith(start.lower()):
            return unquote(uri[len(start) :])
    return ""


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
