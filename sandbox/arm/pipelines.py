"""Microsoft.ContainerRegistry: export pipelines, import pipelines and their runs."""

from functools import partial
from typing import Any

from sandbox.arm import bodies, operations
from sandbox.arm.registries import MODES, NAME, PREVIEWS
from sandbox.arm.resource_type import Answer, Request, ResourceType, stored_below
from sandbox.cloud.cloud import REGISTRIES, new_id
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError
from sandbox.transfer.rules import request_fault, require_transfer_support
from sandbox.transfer.runs import is_running
from sandbox.transfer.transfer_run import TYPE


async def put_pipeline(request: Request, end: str) -> Answer:
    """Create or update a pipeline with its container in `end`: `target` of an export, `source` of an import.

    Its URIs are not checked before a run. The trigger of an import is enabled by default.
    """
    if request.faults.choice("unfit-registry") == "put":
        require_transfer_support(request.resources.get(request.id.up.up) or {}, exports=end == "target")
    properties: Json = {str(end): _container(request, end)}
    if end == "source":
        status = ((request.properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status")
        properties["trigger"] = {"sourceTrigger": {"status": status or "Enabled"}}
    if request.properties.get("options"):
        properties["options"] = request.properties["options"]
    body = {
        **bodies.envelope(request),
        "identity": _identity(request),
        "systemData": bodies.system_data(request),
        "properties": {**properties, "provisioningState": "Succeeded"},
    }
    if request.body.get("location"):
        body["location"] = request.body["location"]
    request.resources.put(request.id, request.id.type, body)
    return Answer(200, body)  # Azure returns 200 for a new pipeline too (recorded)


def _container(request: Request, end: str) -> Json:
    """The container and its access mode, which older versions ignore."""
    sent = dict(request.properties[end])
    known = request.version in MODES
    requested = sent.pop("storageAccessMode", None)
    mode = (requested if known else _kept_mode(request, end)) or "SasToken"
    if mode == "SasToken" and request.faults.choice("vault-uri-missing") == "refuse":
        bodies.require(request, f"properties.{end}.keyVaultUri")
    unused = mode == "ManagedIdentity" and sent.get("keyVaultUri")
    if unused and request.faults.choice("vault-uri-unused") == "refuse":
        raise AzureError("BadRequest", reason="keyVaultUri must not be set with ManagedIdentity.")
    return {"type": "AzureStorageBlobContainer", **sent, "storageAccessMode": mode}


def _kept_mode(request: Request, end: str) -> str:
    """The mode after an update by a version that does not know it; empty for the default."""
    if request.existing and request.faults.choice("old-version-update") == "keep":
        return str(request.existing["properties"][end]["storageAccessMode"])
    return ""


def in_version(request: Request, body: Json) -> Json:
    """A pipeline or run; older versions do not show the access mode."""
    if request.version in MODES:
        return body
    properties = _without_mode(body["properties"])
    if "response" in properties:
        properties["response"] = _without_mode(properties["response"])
    return {**body, "properties": properties}


def _without_mode(holder: Json) -> Json:
    return {
        key: {name: each for name, each in value.items() if name != "storageAccessMode"}
        if key in ("target", "source")
        else value
        for key, value in holder.items()
    }


def _identity(request: Request) -> Json:
    """A system-assigned identity, which updates keep, or user-assigned ones; Azure returns camel case."""
    sent = request.body.get("identity") or {}
    kind = str(sent.get("type") or "").lower()
    if kind == "systemassigned":
        old = (request.existing or {}).get("identity") or {}
        principal = old.get("principalId") or new_id()
        return {
            "principalId": principal,
            "tenantId": request.cloud.definition.tenant,
            "type": "systemAssigned",
        }
    if kind == "userassigned" and sent.get("userAssignedIdentities"):
        assigned = {id: _assigned(request, id) for id in sent["userAssignedIdentities"]}
        return {"type": "userAssigned", "userAssignedIdentities": assigned}
    raise AzureError("BadRequest", reason="A pipeline needs a system-assigned or a user-assigned identity.")


def _assigned(request: Request, id: str) -> Json:
    identity = request.resources.get(id)
    if identity is None or not identity["type"].endswith("/userAssignedIdentities"):
        raise AzureError("BadRequest", reason=f"The identity '{id}' was not found.")
    return {key: identity["properties"][key] for key in ("principalId", "clientId")}


async def delete_pipeline(request: Request) -> Answer:
    """Delete a pipeline. Its active runs fail; blobs and tags remain."""
    if request.cloud.runs.of_pipeline(str(request.id)):
        _refuse_if_configured(request, "delete-used", f"Pipeline runs name the pipeline '{request.id.name}'.")
    request.resources.remove(request.id)
    request.resources.forget_blobs(str(request.id))
    request.cloud.runs.pipeline_deleted(str(request.id))
    return Answer(200)


async def delete_run(request: Request) -> Answer:
    """Delete a run; an active run is stopped."""
    if is_running(request.existing or {}):
        _refuse_if_configured(request, "delete-running", f"The pipeline run '{request.id.name}' is running.")
    request.cloud.runs.stop(request.id, "The run was deleted before it ended.")
    request.resources.remove(request.id)
    return Answer(200)


def _refuse_if_configured(request: Request, question: str, reason: str) -> None:
    if request.faults.choice(question) == "conflict":
        raise AzureError("Conflict", reason=reason)


async def put_run(request: Request) -> Answer:
    """Start a run. An unchanged run is returned as it is."""
    wanted = _requested(request)
    existing = request.existing
    if existing and _request_of(existing) == wanted and not _is_repeated(request, existing):
        if is_running(existing):
            _refuse_if_configured(request, "same-run", f"The pipeline run '{request.id.name}' is running.")
        return Answer(200, existing)
    if request.faults.choice("bad-run") == "put":
        _check_request(request, wanted["request"])
    operation = operations.new_name("pipelineruns")
    body = request.cloud.runs.start(request.id, wanted, operation)
    return Answer(200 if existing else 201, body, operations.status_link(request, operation))


async def list_runs(request: Request) -> list[Json]:
    """List the runs of a registry in the configured order."""
    found = await stored_below(request)
    return found[::-1] if request.faults.choice("run-order") == "newest" else found


def _requested(request: Request) -> Json:
    """The requested run. Empty strings and lists mean absent, as in Microsoft's templates."""
    sent = request.properties.get("request") or {}
    wanted = {key: _without_empty(value) for key, value in sent.items()}
    tag = request.properties.get("forceUpdateTag") or ""
    return {"request": {key: value for key, value in wanted.items() if value}, "forceUpdateTag": tag}


def _is_repeated(request: Request, existing: Json) -> bool:
    """Whether an unchanged request starts the run again."""
    failed = existing["properties"]["provisioningState"] == "Failed"
    return failed and request.faults.choice("same-failed-run") == "repeat"


def _request_of(body: Json) -> Json:
    return {key: body["sandbox"][key] for key in ("request", "forceUpdateTag")}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if entry}
        return kept if kept.get("name") else {}
    return value


def _check_request(request: Request, wanted: Json) -> None:
    pipeline = wanted.get("pipelineResourceId", "")
    if request.resources.get(pipeline) is None:
        raise AzureError("BadRequest", reason=f"The pipeline '{pipeline}' was not found.")
    if reason := request_fault(wanted):
        raise AzureError("BadRequest", reason=reason)


_VERSIONS = PREVIEWS | MODES
_FAMILIES = (PREVIEWS, MODES)
TYPES = (
    *(
        ResourceType(
            f"{REGISTRIES}/{kind}",
            _VERSIONS,
            NAME,
            put=partial(put_pipeline, end=end),
            delete=delete_pipeline,
            shown=in_version,
            families=_FAMILIES,
        )
        for kind, end in (("exportPipelines", "target"), ("importPipelines", "source"))
    ),
    ResourceType(
        TYPE,
        _VERSIONS,
        NAME,
        put=put_run,
        delete=delete_run,
        list=list_runs,
        shown=in_version,
        families=_FAMILIES,
    ),
)
