"""Microsoft.ContainerRegistry: export pipelines, import pipelines and their runs."""

from __future__ import annotations

from typing import Any

from sandbox import runs
from sandbox.arm.registries import MODES, NAME, PREVIEWS, refuse_unfit
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


async def put_export(request: Request) -> Answer:
    """An export pipeline. Nothing behind its URIs is looked at before a run."""
    return _put_pipeline(request, "target")


async def put_import(request: Request) -> Answer:
    """An import pipeline. Without a trigger in the request the trigger is enabled."""
    return _put_pipeline(request, "source")


def _put_pipeline(request: Request, end: str) -> Answer:
    require(request, f"properties.{end}.uri")
    refuse_unfit(request.cloud.store.get(request.id.up.up) or {}, exports=end == "target")
    properties: Json = {end: _place(request, end)}
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
    return Answer(200, _in_version(request, body))  # 200 on create as well: so it was recorded


def _place(request: Request, end: str) -> Json:
    """Where blobs are and how they are reached; what an older version does not know is not heard."""
    sent = dict(request.properties[end])
    known = request.version in MODES
    mode = str(sent.pop("storageAccessMode", None) or "SasToken") if known else "SasToken"
    sent.pop("storageAccessMode", None)
    if mode not in ("SasToken", "ManagedIdentity"):
        raise AzureError(
            "BadRequest", reason=f"storageAccessMode '{mode}' is not SasToken or ManagedIdentity."
        )
    if mode == "SasToken":
        require(request, f"properties.{end}.keyVaultUri")
    return {"type": "AzureStorageBlobContainer", **sent, "storageAccessMode": mode}


async def get_pipeline(request: Request) -> Answer:
    """A pipeline as the version shows it."""
    return Answer(200, _in_version(request, request.existing or {}))


def _in_version(request: Request, body: Json) -> Json:
    """An older version shows a pipeline without its access mode."""
    if request.version in MODES:
        return body
    hidden = {
        end: {key: value for key, value in body["properties"][end].items() if key != "storageAccessMode"}
        for end in ("target", "source")
        if end in body["properties"]
    }
    return {**body, "properties": {**body["properties"], **hidden}}


def _identity(request: Request) -> Json:
    """An identity of its own, kept over updates, or one that is there; Azure spells types in camel case."""
    sent = request.body.get("identity") or {}
    kind = str(sent.get("type") or "").lower()
    if kind == "systemassigned":
        old = (request.existing or {}).get("identity") or {}
        principal = old.get("principalId") or new_id()
        return {"principalId": principal, "tenantId": request.cloud.facts.tenant, "type": "systemAssigned"}
    if kind == "userassigned" and sent.get("userAssignedIdentities"):
        assigned = {id: _assigned(request, id) for id in sent["userAssignedIdentities"]}
        return {"type": "userAssigned", "userAssignedIdentities": assigned}
    raise AzureError("BadRequest", reason="A pipeline needs a system-assigned or a user-assigned identity.")


def _assigned(request: Request, id: str) -> Json:
    there = request.cloud.store.get(id)
    if there is None or not there["type"].endswith("/userAssignedIdentities"):
        raise AzureError("BadRequest", reason=f"The identity '{id}' was not found.")
    return {key: there["properties"][key] for key in ("principalId", "clientId")}


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
    """What the run was asked for is kept apart from what is answered."""
    return {key: value for key, value in body.items() if key != "sandbox"}


_REGISTRY = "Microsoft.ContainerRegistry/registries"
_VERSIONS = PREVIEWS | MODES
TYPES = (
    ResourceType(
        f"{_REGISTRY}/exportPipelines", _VERSIONS, NAME, put=put_export, get=get_pipeline, delete=delete
    ),
    ResourceType(
        f"{_REGISTRY}/importPipelines", _VERSIONS, NAME, put=put_import, get=get_pipeline, delete=delete
    ),
    ResourceType(f"{_REGISTRY}/pipelineRuns", _VERSIONS, NAME, put=put_run, delete=delete, get=get_run),
)
