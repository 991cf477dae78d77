"""Microsoft.ContainerRegistry: export pipelines, import pipelines and their runs."""

from __future__ import annotations

from typing import Any

from sandbox import runs
from sandbox.arm.registries import NAME, PREVIEWS
from sandbox.arm.wire import (
    FAST,
    Answer,
    Request,
    ResourceType,
    operation_url,
    require,
    system_data,
    typed_name,
)
from sandbox.cloud import new_id
from sandbox.errors import AzureError
from sandbox.service import MOST_ARTIFACTS
from sandbox.store import Json

__all__ = ["FAST", "TYPES"]


async def put_export(request: Request) -> Answer:
    """An export pipeline. Nothing behind its URIs is looked at before a run."""
    return _put_pipeline(request, "target")


async def put_import(request: Request) -> Answer:
    """An import pipeline. Without a trigger in the request the trigger is enabled."""
    return _put_pipeline(request, "source")


def _put_pipeline(request: Request, end: str) -> Answer:
    require(request, f"properties.{end}.uri", f"properties.{end}.keyVaultUri")
    properties: Json = {end: request.properties[end]}
    if end == "source":
        status = ((request.properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status")
        properties["trigger"] = {"sourceTrigger": {"status": status or "Enabled"}}
    if request.properties.get("options"):
        properties["options"] = request.properties["options"]
    body = {
        "type": typed_name(request.id),
        "identity": _identity(request),
        "id": str(request.id),
        "name": request.id.name,
        "systemData": system_data(request),
        "properties": {**properties, "provisioningState": "Succeeded"},
    }
    if request.body.get("location"):
        body["location"] = request.body["location"]
    request.cloud.store.put(request.id, request.id.type, body)
    return Answer(200, body)  # 200 on create as well: so it was recorded


def _identity(request: Request) -> Json:
    """The pipeline's own identity, kept over updates; Azure spells its type in camel case."""
    kind = str((request.body.get("identity") or {}).get("type") or "")
    if kind.lower() != "systemassigned":
        raise AzureError(
            "BadRequest", reason=f"identity type {kind or 'none'!r} is not known to this sandbox."
        )
    old = (request.existing or {}).get("identity") or {}
    principal = old.get("principalId") or new_id()
    return {"principalId": principal, "tenantId": request.cloud.facts.tenant, "type": "systemAssigned"}


async def delete(request: Request) -> Answer:
    """Pipelines and runs go at once, a trigger's runs with their pipeline; blobs and tags stay."""
    for run in runs.triggered_by(request.cloud, str(request.id)):
        request.cloud.store.remove(run)
    request.cloud.store.remove(request.id)
    return Answer(200)


async def put_run(request: Request) -> Answer:
    """Start a run, or answer what is there where nothing has changed; a failed run is tried again."""
    wanted = _wanted(request)
    existing = request.existing
    if existing and _asked(existing) == wanted and not _has_failed(existing):
        return Answer(200, _shown(existing))
    _refuse_bad_run(request, wanted)
    operation, url = operation_url(request, request.id, "pipelineruns")
    body = runs.begun(request.cloud, request.id, wanted, operation)
    return Answer(200 if existing else 201, _shown(body), {"Azure-AsyncOperation": url, **FAST})


async def get_run(request: Request) -> Answer:
    """A run as far as it is."""
    return Answer(200, _shown(request.existing or {}))


def _wanted(request: Request) -> Json:
    """What a run is asked for; empty strings and lists mean absent, as the official templates fill them."""
    sent = request.properties.get("request") or {}
    wanted = {key: _without_empty(value) for key, value in sent.items()}
    tag = request.properties.get("forceUpdateTag") or ""
    return {"request": {key: value for key, value in wanted.items() if value}, "forceUpdateTag": tag}


def _has_failed(body: Json) -> bool:
    return bool(body["properties"]["provisioningState"] == "Failed")


def _asked(body: Json) -> Json:
    return {key: value for key, value in body["sandbox"].items() if key != "operation"}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if entry}
        return kept if kept.get("name") else {}
    return value


def _refuse_bad_run(request: Request, wanted: Json) -> None:
    asked = wanted["request"]
    if len(asked.get("artifacts", [])) > MOST_ARTIFACTS:
        count = len(asked["artifacts"])
        raise AzureError("BadRequest", reason=f"{count} artifacts; a run takes at most {MOST_ARTIFACTS}.")
    pipeline = asked.get("pipelineResourceId", "")
    if request.cloud.store.get(pipeline) is None:
        raise AzureError("BadRequest", reason=f"The pipeline '{pipeline}' was not found.")
    end = "source" if "/importpipelines/" in pipeline.lower() else "target"
    if end not in asked or (end == "target" and not asked.get("artifacts")):
        raise AzureError("BadRequest", reason=f"The run needs a blob name in {end}, an export artifacts too.")


def _shown(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "sandbox"}


_REGISTRY = "Microsoft.ContainerRegistry/registries"
TYPES = (
    ResourceType(f"{_REGISTRY}/exportPipelines", PREVIEWS, NAME, put=put_export, delete=delete),
    ResourceType(f"{_REGISTRY}/importPipelines", PREVIEWS, NAME, put=put_import, delete=delete),
    ResourceType(f"{_REGISTRY}/pipelineRuns", PREVIEWS, NAME, put=put_run, delete=delete, get=get_run),
)
