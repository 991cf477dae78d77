"""Pipeline runs, from their request to their end. Interrupted runs continue after a restart."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import aiohttp

from sandbox.arm.resource_id import ResourceId
from sandbox.arm.roles import principal_of
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.faults.state import Faults
from sandbox.http.azure_errors import AzureError
from sandbox.registry.oci_client import OciClient
from sandbox.transfer.container_access import ContainerAccess, client_session
from sandbox.transfer.exporting import export_artifacts
from sandbox.transfer.failures import TransferFailedError, transfer_failures
from sandbox.transfer.importing import import_artifacts
from sandbox.transfer.rules import container_end, request_fault, require_transfer_support
from sandbox.transfer.transfer_run import TYPE, RunRecord, TransferOutcome, TransferRun

_MAX_CONCURRENT = 4
_SHOWN = ("pipelineResourceId", "artifacts", "catalogDigest")

OpenRegistry = Callable[[aiohttp.ClientSession, str, str], OciClient]
"""Returns a client of a registry by the registry's name and the principal of the pipeline."""


class TransferService:
    """The pipeline runs of one cloud."""

    def __init__(
        self, resources: Resources, faults: Faults, containers: ContainerAccess, open_registry: OpenRegistry
    ) -> None:
        self._resources, self._faults = resources, faults
        self._containers, self._open_registry = containers, open_registry
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """The active runs, by the ID of their operation."""
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)

    def start(self, id: ResourceId, wanted: Json, operation: str, trigger: Json | None = None) -> Json:
        """Store and start a run; `wanted` has its `request` and `forceUpdateTag`. Returns the run's body."""
        self.stop(id, "A newer request for the same run replaced it.")
        response: Json = {
            "status": "Running",
            "startTime": self._faults.now().isoformat(),
            "progress": {"percentage": "0"},
            **self._blob(wanted["request"]),
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
        with self._resources.transaction():
            self._resources.put(id, TYPE, body)
            self._resources.put_operation(operation, {"status": "Creating"})
        self._start(id, body)
        return body

    def resume(self) -> None:
        """Restart the runs that were active when the sandbox ended."""
        for body in self._resources.of_type(TYPE):
            if is_running(body) and (id := ResourceId.parse(body["id"])):
                self._start(id, body)

    def stop(self, id: ResourceId, reason: str) -> None:
        """Stop an active run, which fails with the reason; any other run is left alone."""
        body = self._resources.get(id)
        task = self._tasks.pop(body["sandbox"]["operation"], None) if body else None
        if body and task:
            task.cancel()
            RunRecord(self._resources, self._faults, id, body).fail(reason)

    def of_pipeline(self, pipeline: str) -> list[Json]:
        """All runs of a pipeline, oldest first."""
        runs = self._resources.of_type(TYPE)
        names = (body["properties"]["request"].get("pipelineResourceId", "") for body in runs)
        return [body for body, name in zip(runs, names, strict=True) if name.lower() == pipeline.lower()]

    def pipeline_deleted(self, pipeline: str) -> None:
        """Fail the pipeline's active runs, and delete the runs of its trigger, which have no other owner."""
        for body in self.of_pipeline(pipeline):
            if id := ResourceId.parse(body["id"]):
                self.stop(id, _pipeline_missing(pipeline))
                if "trigger" in body["properties"]["response"]:
                    self._resources.remove(id)

    async def close(self) -> None:
        """Cancel the active runs; they stay Running in the store and continue after a restart."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, id: ResourceId, body: Json) -> None:
        self._tasks[body["sandbox"]["operation"]] = asyncio.create_task(self._run(id, body))

    async def _run(self, id: ResourceId, body: Json) -> None:
        record = RunRecord(self._resources, self._faults, id, body)
        try:
            async with self._slots:
                record.succeed(await self._transfer(record))
        except TransferFailedError as error:
            record.fail(str(error))
        except Exception as error:
            logging.getLogger("sandbox").exception("run %s", id.name)
            record.fail(f"The transfer service had an internal error: {type(error).__name__}.")
        finally:
            self._tasks.pop(body["sandbox"]["operation"], None)

    async def _transfer(self, record: RunRecord) -> TransferOutcome:
        request = record.body["sandbox"]["request"]
        pipeline = self._resources.get(request.get("pipelineResourceId", ""))
        if pipeline is None:
            raise TransferFailedError(_pipeline_missing(request.get("pipelineResourceId", "")))
        if fault := request_fault(request):
            raise TransferFailedError(fault)
        end = container_end(pipeline)
        self._require_registry(record.id, exports=end == "target")
        run = TransferRun(
            registry=record.id.segments[1],
            blob=request[end]["name"],
            record=record,
            artifacts=tuple(request.get("artifacts", [])),
            options=frozenset(pipeline["properties"].get("options", [])),
            catalog_digest=request.get("catalogDigest", ""),
            skip_existing=self._faults.choice("existing") == "skip",
        )
        async with client_session(self._faults) as session:
            transfer = export_artifacts if end == "target" else import_artifacts
            open_container = partial(self._containers.open, session, pipeline)
            registry = self._open_registry(session, run.registry, principal_of(pipeline))
            with transfer_failures(run.registry):
                return await transfer(run, registry, open_container)

    def _require_registry(self, run: ResourceId, *, exports: bool) -> None:
        registry = self._resources.get(run.up.up)
        if registry is None:
            raise TransferFailedError(f"The registry '{run.segments[1]}' was deleted before the run ended.")
        try:
            require_transfer_support(registry, exports=exports)
        except AzureError as error:
            raise TransferFailedError(error.message) from error

    def _blob(self, request: Json) -> Json:
        """The response's `target` or `source`: the pipeline's container with the blob's URL."""
        pipeline = self._resources.get(request.get("pipelineResourceId", ""))
        if not pipeline:
            return {}
        end = container_end(pipeline)
        container, blob = pipeline["properties"][end], request.get(end, {}).get("name", "")
        shown = {key: container[key] for key in ("keyVaultUri", "storageAccessMode") if key in container}
        return {end: {"type": "AzureStorageBlob", "uri": f"{container['uri']}/{blob}", **shown}}


def is_running(body: Json) -> bool:
    """Whether a run has not ended."""
    return bool(body["properties"]["response"]["status"] == "Running")


def _pipeline_missing(pipeline: str) -> str:
    return f"The pipeline '{pipeline}' was not found: it was deleted before the run ended."
