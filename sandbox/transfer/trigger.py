"""The source trigger: an import pipeline that is told of new blobs makes runs by itself.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.blob.aio import ContainerClient

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.store import Json
from sandbox.transfer import container_access, runs
from sandbox.transfer.rules import CATEGORY, TransferFailedError

PIPELINES = "Microsoft.ContainerRegistry/registries/importPipelines"
_SWEEP = 1.0
"""Seconds between two looks of the trigger; on Azure it takes up to 15 minutes."""

_NEWER_THAN = timedelta(days=60)


async def watch(cloud: Cloud) -> None:
    """Look at every enabled import pipeline's container, again and again."""
    async with container_access.session(cloud) as session:
        clients: dict[str, ContainerClient] = {}
        try:
            while True:
                await asyncio.sleep(_SWEEP)
                for pipeline in _enabled(cloud):
                    await _look(cloud, session, pipeline, clients)
        finally:
            await asyncio.gather(*(client.close() for client in clients.values()))


def _enabled(cloud: Cloud) -> Iterable[Json]:
    for pipeline in cloud.store.of_type(PIPELINES):
        if pipeline["properties"]["trigger"]["sourceTrigger"]["status"].lower() == "enabled":
            yield pipeline


async def _look(cloud: Cloud, session: Any, pipeline: Json, clients: dict[str, ContainerClient]) -> None:
    """Start a run for each new blob that carries the marks. A trigger that cannot look stays silent."""
    version = f"{pipeline['id']} {pipeline['systemData']['lastModifiedAt']}"
    try:
        if version not in clients:
            clients[version] = await container_access.container(cloud, session, pipeline)
        async for blob in clients[version].list_blobs(include=["metadata"]):
            if _fits(cloud, blob):
                _start_once(cloud, pipeline, blob)
    except (TransferFailedError, AzureError):
        if client := clients.pop(version, None):  # read the secret anew next time: it may be rotated
            await client.close()


def _fits(cloud: Cloud, blob: Any) -> bool:
    """Modified within 60 days, with a Content-MD5 and the category that an export sets."""
    recent = blob.last_modified > cloud.faults.now() - _NEWER_THAN
    marked = (blob.metadata or {}).get("category") == CATEGORY["category"]
    return bool(recent and marked and blob.content_settings.content_md5)


def _start_once(cloud: Cloud, pipeline: Json, blob: Any) -> None:
    """One run for one state of a blob: that it was seen and that it runs is written down together."""
    made = ResourceId.parse(pipeline["id"])
    assert made
    if cloud.store.get(made) is None:  # deleted while its container was being listed
        return
    mark = "_" if cloud.faults.choice("trigger-name") == "underscore" else ""
    id = made.up.up.child("pipelineRuns", f"{pipeline['name'][:41]}{mark}{new_id()[:8]}")
    request = {
        "pipelineResourceId": pipeline["id"],
        "source": {"type": "AzureStorageBlob", "name": blob.name},
    }
    with cloud.store.at_once():
        if cloud.store.first_sight(pipeline["id"], blob.name, blob.etag):
            wanted = {"request": request, "forceUpdateTag": ""}
            when = {"timestamp": blob.last_modified.isoformat()}
            runs.begin(cloud, id, wanted, f"pipelineruns-{new_id()}", trigger=when)
