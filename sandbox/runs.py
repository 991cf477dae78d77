"""Pipeline runs: from the request to the outcome, and the trigger that makes runs by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import AzureError as StorageError
from azure.storage.blob.aio import ContainerClient

from sandbox import blobs, certificates, roles, service
from sandbox.cloud import Cloud, new_id
from sandbox.ids import ResourceId
from sandbox.service import Outcome, Run, TransferFailedError
from sandbox.store import Json

TYPE = "Microsoft.ContainerRegistry/registries/pipelineRuns"
FAILED = "PipelineRunFailed"
"""The code of a failed operation. What Azure says is published nowhere; see docs/sandbox.md."""

_AT_ONCE = 4
_SWEEP = 1.0
"""Seconds between two looks of the trigger; on Azure it takes up to 15 minutes."""

_NEWER_THAN = timedelta(days=60)


def begun(cloud: Cloud, id: ResourceId, wanted: Json, operation: str) -> Json:
    """Store a run as running and let it work; `wanted` is its request and its forceUpdateTag."""
    pipeline = cloud.store.get(wanted["request"]["pipelineResourceId"]) or {}
    response = {"status": "Running", "startTime": _now(), "progress": {"percentage": "0"}}
    body = {
        "id": str(id),
        "name": id.name,
        "type": TYPE,
        "properties": {
            "provisioningState": "Creating",
            "request": {key: wanted["request"][key] for key in _SHOWN if key in wanted["request"]},
            "response": {**response, **_end(pipeline, wanted)},
        },
        "sandbox": {**wanted, "operation": operation},
    }
    cloud.store.put(id, TYPE, body)
    cloud.store.put_operation(operation, {"status": "Creating"})
    cloud.spawn(asyncio.create_task(_work(cloud, id, body, pipeline)))
    return body


_SHOWN = ("pipelineResourceId", "artifacts", "catalogDigest")


def resume(cloud: Cloud) -> None:
    """Start again what was running when the sandbox ended."""
    for body in cloud.store.of_type(TYPE):
        if body["properties"]["response"]["status"] == "Running":
            id = ResourceId.parse(body["id"])
            pipeline = cloud.store.get(body["sandbox"]["request"]["pipelineResourceId"])
            if id and pipeline:
                cloud.spawn(asyncio.create_task(_work(cloud, id, body, pipeline)))


def _end(pipeline: Json, wanted: Json) -> Json:
    """The response's `target` or `source`: the pipeline's, with the blob's address."""
    end = "target" if "target" in pipeline["properties"] else "source"
    place = pipeline["properties"][end]
    blob = {"type": "AzureStorageBlob", "uri": f"{place['uri']}/{wanted['request'][end]['name']}"}
    more = {key: place[key] for key in ("keyVaultUri", "storageAccessMode") if key in place}
    return {end: {**blob, **more}}


async def _work(cloud: Cloud, id: ResourceId, body: Json, pipeline: Json) -> None:
    """Do a run's work, and write down how it ended whatever happens."""
    response = body["properties"]["response"]

    def progress(percentage: int) -> None:
        response["progress"] = {"percentage": str(percentage)}
        _keep(cloud, id, body)

    try:
        async with _gate(cloud), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            outcome = await _transfer(cloud, session, id, body["sandbox"]["request"], pipeline, progress)
    except TransferFailedError as error:
        _finish(cloud, id, body, "Failed", {"pipelineRunErrorMessage": str(error)})
    except Exception as error:
        logging.getLogger("sandbox").exception("run %s", id.name)
        message = f"The transfer service met an error of its own: {type(error).__name__}."
        _finish(cloud, id, body, "Failed", {"pipelineRunErrorMessage": message})
    else:
        done: Json = {"progress": {"percentage": "100"}, "catalogDigest": outcome.catalog_digest}
        if "source" in response:
            done["importedArtifacts"] = outcome.artifacts
        if outcome.warnings:
            done["pipelineRunErrorMessage"] = " ".join(outcome.warnings)
        _finish(cloud, id, body, "Succeeded", done)


_gates: dict[int, asyncio.Semaphore] = {}


def _gate(cloud: Cloud) -> asyncio.Semaphore:
    return _gates.setdefault(id(cloud), asyncio.Semaphore(_AT_ONCE))


async def _transfer(
    cloud: Cloud, session: aiohttp.ClientSession, id: ResourceId, asked: Json, pipeline: Json, progress: Any
) -> Outcome:
    name = id.segments[1]
    end = "target" if "target" in pipeline["properties"] else "source"
    options = frozenset(pipeline["properties"].get("options", []))
    run = Run(name, asked[end]["name"], tuple(asked.get("artifacts", [])), options)
    registry = cloud.registry(session, name)

    async def storage() -> ContainerClient:
        return await container(cloud, session, pipeline)

    work = service.export if end == "target" else service.import_
    return await work(run, registry, storage, progress)


async def container(cloud: Cloud, session: aiohttp.ClientSession, pipeline: Json) -> ContainerClient:
    """The pipeline's container, opened as its identity: with a SAS from the vault, or by its role."""
    place = pipeline["properties"].get("target") or pipeline["properties"]["source"]
    principal = roles.principal_of(pipeline)
    credential: Any
    if place.get("storageAccessMode") == "ManagedIdentity":
        credential = blobs.Identity(cloud, principal)
    else:
        sas = await _secret(cloud, session, place["keyVaultUri"], principal)
        credential = AzureSasCredential(sas.removeprefix("?"))
    authority = str(cloud.places.authority)
    return ContainerClient.from_container_url(
        place["uri"], credential=credential, connection_verify=authority, retry_total=1
    )


async def _secret(cloud: Cloud, session: aiohttp.ClientSession, uri: str, principal: str) -> str:
    token = cloud.tokens.issue(principal, cloud.facts.vault_audience, seconds=600)
    bearer = {"Authorization": f"Bearer {token}"}
    context = certificates.client_context(cloud.places)
    try:
        async with session.get(f"{uri}?api-version=7.4", headers=bearer, ssl=context) as answer:
            body = await answer.json()
            if answer.status != 200:
                said = body["error"]["message"]
                raise TransferFailedError(f"Failed to access key vault.  Status: {answer.status} ({said})")
            return str(body["value"])
    except aiohttp.ClientError as error:
        raise TransferFailedError(f"Failed to access key vault.  {uri} does not answer.") from error


def _keep(cloud: Cloud, id: ResourceId, body: Json) -> None:
    """Write progress down, unless the run was deleted or started anew meanwhile."""
    stored = cloud.store.get(id)
    if stored and stored["sandbox"]["operation"] == body["sandbox"]["operation"]:
        cloud.store.put(id, TYPE, body)


def _finish(cloud: Cloud, id: ResourceId, body: Json, status: str, more: Json) -> None:
    properties = body["properties"]
    properties["provisioningState"] = status
    properties["response"] |= {"status": status, "finishTime": _now(), **more}
    _keep(cloud, id, body)
    failure = {"error": {"code": FAILED, "message": more.get("pipelineRunErrorMessage", "")}}
    cloud.store.put_operation(
        body["sandbox"]["operation"], {"status": status, **(failure if status == "Failed" else {})}
    )


async def watch(cloud: Cloud) -> None:
    """The source trigger: looks at every enabled import pipeline's container, again and again."""
    async with aiohttp.ClientSession() as session:
        clients: dict[str, ContainerClient] = {}
        try:
            while True:
                await asyncio.sleep(_SWEEP)
                for pipeline in _triggered_pipelines(cloud):
                    await _look(cloud, session, pipeline, clients)
        finally:
            await asyncio.gather(*(client.close() for client in clients.values()))


def _triggered_pipelines(cloud: Cloud) -> Iterable[Json]:
    for pipeline in cloud.store.of_type("Microsoft.ContainerRegistry/registries/importPipelines"):
        if pipeline["properties"]["trigger"]["sourceTrigger"]["status"] == "Enabled":
            yield pipeline


async def _look(
    cloud: Cloud, session: aiohttp.ClientSession, pipeline: Json, clients: dict[str, ContainerClient]
) -> None:
    """Start a run for each new blob that carries the marks. A trigger that cannot look stays silent."""
    version = f"{pipeline['id']} {pipeline['systemData']['lastModifiedAt']}"
    try:
        if version not in clients:
            clients[version] = await container(cloud, session, pipeline)
        async for blob in clients[version].list_blobs(include=["metadata"]):
            if _fits(blob) and cloud.store.first_sight(pipeline["id"], blob.name, blob.etag):
                _start(cloud, pipeline, blob)
    except (TransferFailedError, StorageError):
        if client := clients.pop(version, None):  # read the secret anew next time: it may be rotated
            await client.close()


def triggered_by(cloud: Cloud, pipeline: str) -> list[ResourceId]:
    """The runs that a pipeline's trigger made; nobody else would ever delete them."""
    found = [ResourceId.parse(body["id"]) for body in cloud.store.of_type(TYPE) if _made_by(body, pipeline)]
    return [id for id in found if id]


def _made_by(body: Json, pipeline: str) -> bool:
    asked = body["properties"]["request"]["pipelineResourceId"]
    return "trigger" in body["properties"]["response"] and asked.lower() == pipeline.lower()


def _fits(blob: Any) -> bool:
    """Modified within 60 days, with a Content-MD5 and the category that an export sets."""
    recent = blob.last_modified > datetime.now(UTC) - _NEWER_THAN
    marked = (blob.metadata or {}).get("category") == service.CATEGORY["category"]
    return bool(recent and marked and blob.content_settings.content_md5)


def _start(cloud: Cloud, pipeline: Json, blob: Any) -> None:
    made = ResourceId.parse(pipeline["id"])
    assert made
    name = f"{pipeline['name']}_{new_id()[:8]}"
    id = ResourceId(made.subscription, made.group, made.namespace, (*made.segments[:2], "pipelineRuns", name))
    request = {
        "pipelineResourceId": pipeline["id"],
        "source": {"type": "AzureStorageBlob", "name": blob.name},
    }
    operation = f"pipelineruns-{new_id()}"
    body = begun(cloud, id, {"request": request, "forceUpdateTag": ""}, operation)
    body["properties"]["response"]["trigger"] = {
        "sourceTrigger": {"timestamp": blob.last_modified.isoformat()}
    }
    _keep(cloud, id, body)


def _now() -> str:
    return datetime.now(UTC).isoformat()
