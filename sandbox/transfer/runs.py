"""Pipeline runs from their request to their end. Whatever ends the sandbox, no run is lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from azure.storage.blob.aio import ContainerClient

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError
from sandbox.transfer import container_access
from sandbox.transfer.exporting import export
from sandbox.transfer.importing import import_
from sandbox.transfer.rules import (
    MOST_ARTIFACTS,
    Run,
    RunProgress,
    TransferFailedError,
    TransferOutcome,
    refuse_unfit,
)

TYPE = "Microsoft.ContainerRegistry/registries/pipelineRuns"
FAILED = "PipelineRunFailed"
"""The code of a failed operation. What Azure says is published nowhere; see docs/sandbox.md."""

_SHOWN = ("pipelineResourceId", "artifacts", "catalogDigest")


def begin(cloud: Cloud, id: ResourceId, wanted: Json, operation: str, trigger: Json | None = None) -> Json:
    """Store a run as running and let it work; `wanted` is its request and its forceUpdateTag."""
    stop(cloud, id, "A newer request for the same run took its place.")
    pipeline = cloud.store.get(wanted["request"].get("pipelineResourceId", "")) or {}
    response: Json = {
        "status": "Running",
        "startTime": _now(cloud),
        "progress": {"percentage": "0"},
        **_end(pipeline, wanted),
    }
    if trigger:
        response["trigger"] = {"sourceTrigger": trigger}
    body = {
        "id": str(id),
        "name": id.name,
        "type": TYPE,
        "properties": {
            "provisioningState": "Creating",
            "request": {key: wanted["request"][key] for key in _SHOWN if key in wanted["request"]},
            "response": response,
        },
        "sandbox": {**wanted, "operation": operation, "reached": {}},
    }
    with cloud.store.at_once():
        cloud.store.put(id, TYPE, body)
        cloud.store.put_operation(operation, {"status": "Creating"})
    _start(cloud, id, body)
    return body


def resume(cloud: Cloud) -> None:
    """Take up again what was running when the sandbox ended, however it ended."""
    for body in cloud.store.of_type(TYPE):
        if body["properties"]["response"]["status"] == "Running" and (id := ResourceId.parse(body["id"])):
            _start(cloud, id, body)


def stop(cloud: Cloud, id: ResourceId, reason: str) -> None:
    """End a run that is working; it fails with the reason. One that is not is left alone."""
    body = cloud.store.get(id)
    task = cloud.transfers.pop(body["sandbox"]["operation"], None) if body else None
    if body and task:
        task.cancel()
        _Record(cloud, id, body).fail(reason)


def of_pipeline(cloud: Cloud, pipeline: str) -> list[Json]:
    """All runs that name a pipeline, the oldest first."""
    runs = cloud.store.of_type(TYPE)
    named = (body["properties"]["request"].get("pipelineResourceId", "") for body in runs)
    return [body for body, name in zip(runs, named, strict=True) if name.lower() == pipeline.lower()]


def pipeline_deleted(cloud: Cloud, pipeline: str) -> None:
    """Its running runs fail; those that its trigger made go with it, for nobody else would delete them."""
    for body in of_pipeline(cloud, pipeline):
        if id := ResourceId.parse(body["id"]):
            stop(cloud, id, _gone(pipeline))
            if "trigger" in body["properties"]["response"]:
                cloud.store.remove(id)


def is_running(body: Json) -> bool:
    """Whether a run has not ended."""
    return bool(body["properties"]["response"]["status"] == "Running")


def bad_request(request: Json) -> str:
    """What makes a run's request senseless, or nothing."""
    artifacts, pipeline = request.get("artifacts", []), request.get("pipelineResourceId", "")
    if len(artifacts) > MOST_ARTIFACTS:
        return f"{len(artifacts)} artifacts; a run takes at most {MOST_ARTIFACTS}."
    end = "source" if "/importpipelines/" in pipeline.lower() else "target"
    if end == "target" and not artifacts:
        return "An export run needs at least one artifact."
    if end not in request:
        return f"The run needs the name of a blob in properties.request.{end}.name."
    return ""


def _start(cloud: Cloud, id: ResourceId, body: Json) -> None:
    operation = body["sandbox"]["operation"]
    task = asyncio.create_task(_work(cloud, id, body))
    cloud.transfers[operation] = task
    cloud.spawn(task)


def _end(pipeline: Json, wanted: Json) -> Json:
    """The response's `target` or `source`: the pipeline's, with the blob's address."""
    if not pipeline:
        return {}
    end = container_access.end_of(pipeline)
    place, name = pipeline["properties"][end], wanted["request"].get(end, {}).get("name", "")
    more = {key: place[key] for key in ("keyVaultUri", "storageAccessMode") if key in place}
    return {end: {"type": "AzureStorageBlob", "uri": f"{place['uri']}/{name}", **more}}


async def _work(cloud: Cloud, id: ResourceId, body: Json) -> None:
    """Do a run's work, and write down how it ended; if the sandbox ends first, the run stays running."""
    record = _Record(cloud, id, body)
    try:
        async with cloud.lanes:
            outcome = await _transfer(cloud, id, record)
    except TransferFailedError as error:
        record.fail(str(error))
    except Exception as error:
        logging.getLogger("sandbox").exception("run %s", id.name)
        record.fail(f"The transfer service met an error of its own: {type(error).__name__}.")
    else:
        record.succeed(outcome)
    cloud.transfers.pop(body["sandbox"]["operation"], None)


async def _transfer(cloud: Cloud, id: ResourceId, record: _Record) -> TransferOutcome:
    asked, name = record.body["sandbox"]["request"], id.segments[1]
    pipeline = cloud.store.get(asked.get("pipelineResourceId", ""))
    if pipeline is None:
        raise TransferFailedError(_gone(asked.get("pipelineResourceId", "")))
    if reason := bad_request(asked):
        raise TransferFailedError(reason)
    end, holder = container_access.end_of(pipeline), cloud.store.get(id.up.up)
    if holder is None:
        raise TransferFailedError(f"The registry '{name}' was deleted before the run ended.")
    try:
        refuse_unfit(holder, exports=end == "target")
    except AzureError as error:
        raise TransferFailedError(error.message) from error
    run = Run(
        registry=name,
        blob=asked[end]["name"],
        artifacts=tuple(asked.get("artifacts", [])),
        options=frozenset(pipeline["properties"].get("options", [])),
        catalog_digest=asked.get("catalogDigest", ""),
        skip_existing=cloud.faults.choice("existing") == "skip",
    )
    async with container_access.session(cloud) as session:

        async def storage() -> ContainerClient:
            return await container_access.container(cloud, session, pipeline)

        work = export if end == "target" else import_
        return await work(run, cloud.registry(session, name), storage, record.notes)


def _gone(pipeline: str) -> str:
    return f"The pipeline '{pipeline}' was not found: it was deleted before the run ended."


@dataclass
class _Record:
    """What is stored of one run while it works."""

    cloud: Cloud
    id: ResourceId
    body: Json

    @property
    def notes(self) -> RunProgress:
        """What the transfer writes down here."""
        reached = dict(self.body["sandbox"]["reached"])
        return RunProgress(self._progress, reached, self._reach)

    def succeed(self, outcome: TransferOutcome) -> None:
        """The run did what was asked, or ContinueOnErrors let it."""
        done: Json = {"progress": {"percentage": "100"}, "catalogDigest": outcome.catalog_digest}
        if "source" in self._response:
            done["importedArtifacts"] = outcome.artifacts
        if outcome.warnings:
            done["pipelineRunErrorMessage"] = " ".join(outcome.warnings)
        failed = outcome.partial and self.cloud.faults.choice("partial") == "failed"
        self._finish("Failed" if failed else "Succeeded", done)

    def fail(self, message: str) -> None:
        """The run ended without doing what was asked."""
        self._finish("Failed", {"pipelineRunErrorMessage": message})

    def _progress(self, percentage: int) -> None:
        shown = {"percentage": str(percentage)}
        if self._response["progress"] != shown and self.cloud.faults.choice("progress") == "steps":
            self._response["progress"] = shown
            self._keep()

    def _reach(self, reached: dict[str, str]) -> None:
        self.body["sandbox"]["reached"] = reached
        self._keep()

    def _finish(self, status: str, more: Json) -> None:
        self.body["properties"]["provisioningState"] = status
        self._response.update({"status": status, "finishTime": _now(self.cloud), **more})
        tells = status == "Failed" and self.cloud.faults.choice("failed-run") == "failed"
        failure = {"error": {"code": FAILED, "message": more.get("pipelineRunErrorMessage", "")}}
        ended = {"status": status, **failure} if tells else {"status": "Succeeded"}
        with self.cloud.store.at_once():
            self._keep()
            self.cloud.store.put_operation(self.body["sandbox"]["operation"], ended)

    def _keep(self) -> None:
        """Write it down, unless the run was deleted or started anew meanwhile."""
        stored = self.cloud.store.get(self.id)
        if stored and stored["sandbox"]["operation"] == self.body["sandbox"]["operation"]:
            self.cloud.store.put(self.id, TYPE, self.body)

    @property
    def _response(self) -> Json:
        found: Json = self.body["properties"]["response"]
        return found


def _now(cloud: Cloud) -> str:
    return cloud.faults.now().isoformat()
