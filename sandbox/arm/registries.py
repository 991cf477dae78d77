"""Microsoft.ContainerRegistry: registries. Each has its own registry server and endpoint."""

from datetime import UTC, datetime

from sandbox.arm import bodies, operations
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions, name_check
from sandbox.cloud.cloud import REGISTRIES
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

PREVIEWS = api_versions("pipelines_before_storage_access_mode")
"""Versions without storageAccessMode, in which a pipeline requires a key vault URI."""

MODES = api_versions("pipelines_with_storage_access_mode")
"""Versions with storageAccessMode, in which only a SAS token requires a key vault URI."""

NAME = "[a-zA-Z0-9]{5,50}"
_SYNCHRONOUS = "2026"
"""From this version on, the creation of a registry is not a long-running operation."""

_INVALID = "The specified resource name may contain alpha numeric characters only, 5 to 50 of them."
check_name = name_check(NAME, ("Invalid", _INVALID), "The registry {name} is already in use.", REGISTRIES)
"""The check of a registry's name."""

_TIERS = ("Basic", "Standard", "Premium")


async def put(request: Request) -> Answer:
    """Create or update a registry; the response has all defaults."""
    sku = str(request.body["sku"]["name"])
    if sku not in _TIERS:
        raise AzureError("SkuNotSupported", sku=sku)
    name, fresh = request.id.name, request.existing is None
    login_server = request.cloud.login_server(name)
    if fresh and name.lower() in request.cloud.registries:
        raise AzureError("AlreadyInUse", server=login_server)
    body = _body(request, login_server, sku)
    _require_private_without_exports(name, body["properties"])
    _require_kept_policy(request, body)
    if fresh:
        await request.cloud.start_registry(name)
    request.resources.put(request.id, request.id.type, body)
    if not fresh or request.version >= _SYNCHRONOUS:
        return Answer(200, body)
    creating = {**body, "properties": {**body["properties"], "provisioningState": "Creating"}}
    return Answer(201, creating, operations.by_status(request, "registries", "Creating"))


def _require_private_without_exports(name: str, properties: Json) -> None:
    if _export_policy(properties) == "disabled" and properties["publicNetworkAccess"] != "Disabled":
        raise AzureError("PublicAccessWithoutExports", registry=name)


def _require_kept_policy(request: Request, body: Json) -> None:
    """A registry with export pipelines keeps its export policy.

    https://learn.microsoft.com/azure/container-registry/data-loss-prevention
    """
    old = (request.existing or body)["properties"]
    if _export_policy(old) != _export_policy(body["properties"]) and request.resources.of_type(
        f"{REGISTRIES}/exportPipelines", f"{request.id}/"
    ):
        raise AzureError("ExportPipelinesExist", registry=request.id.name)


def _export_policy(properties: Json) -> str:
    return str((properties["policies"].get("exportPolicy") or {}).get("status") or "").lower()


async def delete(request: Request) -> Answer:
    """Delete a registry with its content and its address."""
    name, body = request.id.name, request.existing or {}
    await request.cloud.delete_registry(body["name"])
    request.resources.remove(request.id)
    deleting = {**body, "properties": {**body["properties"], "provisioningState": "Deleting"}}
    return Answer(202, deleting, operations.by_location(request, f"delete-{name}"))


def _body(request: Request, login_server: str, sku: str) -> Json:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    old = request.existing
    fixed: Json = {
        "loginServer": login_server,
        "creationDate": old["properties"]["creationDate"] if old else now.replace("+00:00", "Z"),
        "provisioningState": "Succeeded",
        "dataEndpointHostNames": [],
        "privateEndpointConnections": [],
        "roleAssignmentMode": _role_assignment_mode(request),
    }
    policies = bodies.default_properties("registryPolicies")
    for timed in ("retentionPolicy", "softDeletePolicy"):
        policies[timed]["lastUpdatedTime"] = now
    sent = {key: value for key, value in request.properties.items() if key != "policies"}
    policies |= request.properties.get("policies") or {}
    return {
        "sku": {"name": sku, "tier": sku},
        **bodies.tracked(request),
        "type": REGISTRIES,
        "systemData": bodies.system_data(request),
        "properties": {**bodies.default_properties("registry"), **sent, "policies": policies, **fixed},
    }


def _role_assignment_mode(request: Request) -> str:
    """The requested mode, else the existing one; older versions do not know the property."""
    known = _shows(request.version, "roleAssignmentMode")
    sent = request.properties.get("roleAssignmentMode") if known else None
    old = (request.existing or {}).get("properties", {}).get("roleAssignmentMode")
    return str(sent or old or "LegacyRegistryPermissions")


def in_version(request: Request, body: Json) -> Json:
    """A registry with the properties and policies of the version."""

    def known(found: Json) -> Json:
        return {key: value for key, value in found.items() if _shows(request.version, key)}

    properties = body["properties"]
    return {**body, "properties": {**known(properties), "policies": known(properties["policies"])}}


def _shows(version: str, key: str) -> bool:
    """Whether a version has a property or policy."""
    if not version.endswith("preview") and key in _PREVIEWED:
        return version >= _STABLE_SINCE.get(key, "9")
    return version >= _SINCE.get(key, "")


_STABLE_SINCE = {"roleAssignmentMode": "2025-11-01"}
"""https://learn.microsoft.com/azure/templates/microsoft.containerregistry/2025-11-01/registries"""

_SINCE = {
    "exportPolicy": "2021-06-01-preview",
    "azureADAuthenticationAsArmPolicy": "2022-02-01-preview",
    "softDeletePolicy": "2022-02-01-preview",
    "metadataSearch": "2023-11-01-preview",
    "autoGeneratedDomainNameLabelScope": "2024-11-01-preview",
    "roleAssignmentMode": "2025-03-01-preview",
    "regionalEndpoints": "2026-01-01-preview",
    "regionalEndpointHostNames": "2026-01-01-preview",
    "endpointProtocol": "2026-01-01-preview",
    "networkRuleBypassAllowedForTasks": "2026-01-01-preview",
}
"""The first version of a property or policy, from the models of azure-mgmt-containerregistry."""

_PREVIEWED = {
    "softDeletePolicy",
    "metadataSearch",
    *(key for key, since in _SINCE.items() if since >= "2024"),
}
"""Properties and policies that no stable version has, or only those of `_STABLE_SINCE`."""

TYPES = (
    ResourceType(
        REGISTRIES,
        PREVIEWS | MODES | api_versions("registries"),
        NAME,
        put=put,
        delete=delete,
        patch=True,
        shown=in_version,
        needs_location=True,
        families=(MODES,),
    ),
)
