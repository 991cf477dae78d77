"""The source trigger: an import pipeline with an enabled trigger starts runs for new blobs.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError
from azure.storage.blob.aio import ContainerClient

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import new_id
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.faults.state import Faults
from sandbox.transfer.container_access import ContainerAccess, client_session
from sandbox.transfer.failures import TransferFailedError
from sandbox.transfer.rules import CATEGORY
from sandbox.transfer.runs import TransferService

PIPELINES = "Microsoft.ContainerRegistry/registries/importPipelines"
_INTERVAL = 1.0
"""Seconds between two checks; Azure's take up to 15 minutes."""

_MAX_AGE = timedelta(days=60)


@dataclass
class SourceTrigger:
    """The triggers of one cloud's import pipelines."""

    resources: Resources
    faults: Faults
    containers: ContainerAccess
    runs: TransferService
    _clients: dict[str, ContainerClient] = field(default_factory=dict)
    """One client per version of a pipeline."""

    _checks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """The checks in progress, by pipeline: a slow or broken one delays no other."""

    async def watch(self) -> None:
        """Check the containers of all enabled pipelines until the task is cancelled."""
        async with client_session(self.faults) as session:
            try:
                while True:
                    await asyncio.sleep(_INTERVAL)
                    for pipeline in self.resources.of_type(PIPELINES):
                        if self._is_idle(pipeline["id"]):
                            check = self._supervised(session, pipeline)
                            self._checks[pipeline["id"]] = asyncio.create_task(check)
            finally:
                for task in self._checks.values():
                    task.cancel()
                await asyncio.gather(*self._checks.values(), return_exceptions=True)
                await asyncio.gather(*(client.close() for client in self._clients.values()))

    def _is_idle(self, pipeline: str) -> bool:
        check = self._checks.get(pipeline)
        return check is None or check.done()

    async def _supervised(self, session: aiohttp.ClientSession, pipeline: Json) -> None:
        """Check one pipeline; an error of the sandbox goes to its log, and the next check follows."""
        try:
            if pipeline["properties"]["trigger"]["sourceTrigger"]["status"].lower() == "enabled":
                await self._check(session, pipeline)
        except Exception:
            logging.getLogger("sandbox").exception("trigger of %s", pipeline["id"])

    async def _check(self, session: aiohttp.ClientSession, pipeline: Json) -> None:
        """Start a run for each new blob of an export. A trigger without access reports nothing."""
        version = f"{pipeline['id']} {pipeline['systemData']['lastModifiedAt']}"
        try:
            if version not in self._clients:
                self._clients[version] = await self.containers.open(session, pipeline)
            async for blob in self._clients[version].list_blobs(include=["metadata"]):
                if self._accepts(blob):
                    self._start_once(pipeline, blob)
        except (TransferFailedError, AzureError):
            if client := self._clients.pop(version, None):  # read the secret again: it can have been rotated
                await client.close()

    def _accepts(self, blob: Any) -> bool:
        """Whether a blob is at most 60 days old and has the Content-MD5 and category of an export."""
        recent = blob.last_modified > self.faults.now() - _MAX_AGE
        marked = self._spelled(blob.metadata or {}).items() >= self._spelled(CATEGORY).items()
        return bool(recent and marked and blob.content_settings.content_md5)

    def _spelled(self, metadata: dict[str, str]) -> dict[str, str]:
        """Metadata in the spelling that is compared; names are case-insensitive.

        https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources
        """
        exact = self.faults.choice("trigger-category") == "exact"
        return {name.lower(): value if exact else value.lower() for name, value in metadata.items()}

    def _start_once(self, pipeline: Json, blob: Any) -> None:
        """Start one run per state of a blob, in the same transaction that records the state."""
        id = ResourceId.parse(pipeline["id"])
        assert id
        if self.resources.get(id) is None:  # the pipeline was deleted while its container was listed
            return
        separator = "_" if self.faults.choice("trigger-name") == "underscore" else ""
        run = id.up.up.child("pipelineRuns", f"{pipeline['name'][:41]}{separator}{new_id()[:8]}")
        source = {"type": "AzureStorageBlob", "name": blob.name}
        wanted = {"request": {"pipelineResourceId": pipeline["id"], "source": source}, "forceUpdateTag": ""}
        with self.resources.transaction():
            if self.resources.record_blob(pipeline["id"], blob.name, blob.etag):
                timestamp = {"timestamp": blob.last_modified.isoformat()}
                self.runs.start(run, wanted, f"pipelineruns-{new_id()}", trigger=timestamp)
