"""Microsoft.ContainerRegistry: registries. Each is a real registry server behind a door of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.arm import operations
from sandbox.arm.resource_type import Answer, Request, ResourceType, matches, name_check, system_data
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError
from sandbox.http.schemas import NUMBER, TEXT, TRUTH, choice, listed, record, resource, usual
from sandbox.registry import proxy
from sandbox.registry.permissions import admin_passwords

PREVIEWS = frozenset(
    {
        "2019-12-01-preview",
        "2020-11-01-preview",
        "2021-06-01-preview",
        "2021-08-01-preview",
        "2021-12-01-preview",
        "2022-02-01-preview",
        "2023-01-01-preview",
        "2023-06-01-preview",
        "2023-08-01-preview",
        "2023-11-01-preview",
        "2024-01-01-preview",
        "2024-11-01-preview",
        "2025-03-01-preview",
        "2025-05-01-preview",
        "2025-09-01-preview",
    }
)
"""Versions in which a pipeline's key vault URI is required and storageAccessMode is unknown."""

MODES = frozenset(
    {
        "2025-06-01-preview",
        "2025-12-01-preview",
        "2026-01-01-preview",
        "2026-03-01-preview",
        "2026-09-01-preview",
    }
)
"""Versions that know storageAccessMode, and need a key vault URI for a SAS token alone."""

NAME = "[a-zA-Z0-9]{5,50}"
_AT_ONCE = "2026"
"""From this version on a new registry is answered when it is done."""

_TIERS = ("Basic", "Standard", "Premium")


async def put(request: Request) -> Answer:
    """Create or update a registry; the answer holds all defaults at once."""
    sku = str(request.body["sku"]["name"])
    if sku not in _TIERS:
        raise AzureError("SkuNotSupported", sku=sku)
    name, fresh = request.id.name, request.existing is None
    login_server = request.cloud.login_server(name)
    if fresh and name.lower() in request.cloud.registries:
        raise AzureError("AlreadyInUse", server=login_server)
    body = _body(request, login_server, sku)
    _refuse_open_without_exports(name, body["properties"])
    if fresh:
        await request.cloud.start_registry(name)
        await proxy.open_registry(request.cloud, name)
    request.cloud.store.put(request.id, request.id.type, body)
    if not fresh or request.version >= _AT_ONCE:
        return Answer(200, body)
    creating = {**body, "properties": {**body["properties"], "provisioningState": "Creating"}}
    return Answer(201, creating, operations.by_status(request, "registries", "Creating"))


def _refused_name(request: Request, name: str) -> tuple[str, str] | None:
    if not matches(NAME, name):
        words = "The specified resource name may contain alpha numeric characters only, 5 to 50 of them."
        return "Invalid", words
    taken = name.lower() in request.cloud.registries
    return ("AlreadyExists", f"The registry {name} is already in use.") if taken else None


check_name = name_check(_refused_name)
"""Whether a registry's name is legal and free."""


def _refuse_open_without_exports(name: str, properties: Json) -> None:
    policy = (properties["policies"].get("exportPolicy") or {}).get("status") or ""
    if policy.lower() == "disabled" and properties["publicNetworkAccess"] != "Disabled":
        raise AzureError("PublicAccessWithoutExports", registry=name)


async def delete(request: Request) -> Answer:
    """A registry goes with all that it holds; its address is forgotten."""
    name, body = request.id.name, request.existing or {}
    await request.cloud.end_registry(body["name"])
    request.cloud.store.remove(request.id)
    deleting = {**body, "properties": {**body["properties"], "provisioningState": "Deleting"}}
    return Answer(202, deleting, operations.by_location(request, f"delete-{name}"))


async def list_credentials(request: Request) -> Answer:
    """The admin user's name and both passwords, where the registry has one."""
    registry = request.existing or {}
    if not registry["properties"].get("adminUserEnabled"):
        raise AzureError("UnAuthorizedForCredentialOperations", registry=registry["id"])
    found = zip(("password", "password2"), admin_passwords(request.cloud, registry["name"]), strict=True)
    passwords = [{"name": name, "value": value} for name, value in found]
    return Answer(200, {"username": registry["name"], "passwords": passwords})


def _body(request: Request, login_server: str, sku: str) -> Json:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    old = request.existing
    fixed: Json = {
        "loginServer": login_server,
        "creationDate": old["properties"]["creationDate"] if old else now.replace("+00:00", "Z"),
        "provisioningState": "Succeeded",
        "dataEndpointHostNames": [],
        "privateEndpointConnections": [],
    }
    defaults: Json = {
        "adminUserEnabled": False,
        "networkRuleSet": {"defaultAction": "Allow", "ipRules": []},
        "encryption": {"status": "disabled"},
        "dataEndpointEnabled": False,
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "AzureServices",
        "zoneRedundancy": "Disabled",
        "anonymousPullEnabled": False,
        "metadataSearch": "Disabled",
        "roleAssignmentMode": "LegacyRegistryPermissions",
        "autoGeneratedDomainNameLabelScope": "Unsecure",
        "regionalEndpoints": "Disabled",
        "regionalEndpointHostNames": [],
        "endpointProtocol": "IPv4",
        "networkRuleBypassAllowedForTasks": False,
    }
    policies: Json = {
        "quarantinePolicy": {"status": "disabled"},
        "trustPolicy": {"type": "Notary", "status": "disabled"},
        "retentionPolicy": {"days": 7, "lastUpdatedTime": now, "status": "disabled"},
        "exportPolicy": {"status": "enabled"},
        "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
        "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": now, "status": "disabled"},
    }
    sent = {key: value for key, value in request.properties.items() if key != "policies"}
    policies |= request.properties.get("policies") or {}
    return {
        "sku": {"name": sku, "tier": sku},
        "type": "Microsoft.ContainerRegistry/registries",
        "id": str(request.id),
        "name": request.id.name,
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        "systemData": system_data(request),
        "properties": {**defaults, **sent, "policies": policies, **fixed},
    }


def in_version(request: Request, body: Json) -> Json:
    """A registry with the properties and policies that the version knows."""
    stable = not request.version.endswith("preview")
    known = {
        key: value
        for key, value in body["properties"].items()
        if request.version >= _SINCE.get(key, "") and not (stable and key in _PREVIEWED)
    }
    policies = {
        key: value
        for key, value in body["properties"]["policies"].items()
        if request.version >= _SINCE.get(key, "") and not (stable and key in _PREVIEWED)
    }
    return {**body, "properties": {**known, "policies": policies}}


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
"""The first version that knows a property or a policy, by the models of azure-mgmt-containerregistry."""

_PREVIEWED = {
    "softDeletePolicy",
    "metadataSearch",
    *(key for key, since in _SINCE.items() if since >= "2024"),
}
"""What no stable version knows."""

_STATUS = choice("enabled", "disabled")
_SWITCH = choice("Enabled", "Disabled")
_RULES = record(
    defaultAction=choice("Allow", "Deny"), ipRules=listed(record("value", value=TEXT, action=choice("Allow")))
)
_POLICIES = record(
    quarantinePolicy=record(status=_STATUS),
    trustPolicy=record(type=choice("Notary"), status=_STATUS),
    retentionPolicy=record(days=NUMBER, status=_STATUS),
    exportPolicy=record(status=_STATUS),
    azureADAuthenticationAsArmPolicy=record(status=_STATUS),
    softDeletePolicy=record(retentionDays=NUMBER, status=_STATUS),
)
_PROPERTIES = record(
    adminUserEnabled=TRUTH,
    anonymousPullEnabled=TRUTH,
    dataEndpointEnabled=TRUTH,
    publicNetworkAccess=_SWITCH,
    zoneRedundancy=_SWITCH,
    networkRuleBypassOptions=choice("AzureServices", "None"),
    networkRuleSet=_RULES,
    policies=_POLICIES,
)
TYPES = (
    ResourceType(
        "Microsoft.ContainerRegistry/registries",
        PREVIEWS | MODES | {"2019-05-01", "2022-12-01", "2023-07-01", "2025-04-01", "2025-11-01"},
        NAME,
        resource("sku", sku=record("name", name=usual(*_TIERS)), properties=_PROPERTIES),
        put=put,
        delete=delete,
        patch=True,
        shown=in_version,
        actions={"listcredentials": list_credentials},
        needs_location=True,
        families=(MODES,),
    ),
)
