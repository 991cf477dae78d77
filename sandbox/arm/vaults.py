"""Microsoft.KeyVault: vaults, deleted ones among them, and their access policies."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.arm import operations
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import (
    Answer,
    Request,
    ResourceType,
    matches,
    name_check,
    named_in,
    system_data,
    typed_name,
)
from sandbox.cloud.cloud import HOST, Cloud
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError
from sandbox.http.schemas import NUMBER, TEXT, TRUTH, choice, listed, record, resource
from sandbox.keyvault import data_plane

DELETED = "Microsoft.KeyVault/locations/deletedVaults"
_DEFAULTS: Json = {
    "enabledForDeployment": False,
    "enabledForDiskEncryption": False,
    "enabledForTemplateDeployment": False,
    "enableSoftDelete": True,
    "softDeleteRetentionInDays": 90,
    "publicNetworkAccess": "Enabled",
}


async def put(request: Request) -> Answer:
    """Create or update a vault: the answer still registers its name, and its URI lacks the last slash."""
    fresh, name = request.existing is None, request.id.name
    recovering = fresh and str(request.properties.get("createMode") or "").lower() == "recover"
    if fresh and not recovering and _taken(request, name):
        raise AzureError("VaultAlreadyExists", name=name)
    if fresh:
        await data_plane.open_vault(request.cloud, name)
        request.cloud.store.remove(_deleted_id(request))
    sent = {key: value for key, value in request.properties.items() if key not in _unshown(request)}
    policies = {"accessPolicies": sent.get("accessPolicies") or []}
    fixed = {"vaultUri": f"{uri(request.cloud, name)}/", "provisioningState": "Succeeded"}
    body = {
        "id": str(request.id),
        "name": name,
        "type": typed_name(request.id),
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        "systemData": system_data(request, datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"),
        "properties": {**_DEFAULTS, **sent, **policies, **fixed},
        "sandbox": {"registering": operations.polls(request) if fresh else 0},
    }
    request.cloud.store.put(request.id, request.id.type, body)
    registering = {"vaultUri": uri(request.cloud, name), **_REGISTERING} if fresh else {}
    return Answer(200, {**body, "properties": {**body["properties"], **registering}})


def shown(request: Request, body: Json) -> Json:
    """A vault as it is read; for the first reads its name is still being registered."""
    left = body.get("sandbox", {}).get("registering", 0)
    if not left or request.method != "GET" or not request.id.named:
        return body
    request.cloud.store.put(request.id, VAULTS, {**body, "sandbox": {"registering": left - 1}})
    return {**body, "properties": {**body["properties"], **_REGISTERING}}


_REGISTERING = {"provisioningState": "RegisteringDns"}


def _unshown(request: Request) -> set[str]:
    """What Azure does not answer: how a vault was made, and network rules that let everybody in."""
    rules = request.properties.get("networkAcls") or {}
    narrow = rules.get("ipRules") or rules.get("virtualNetworkRules")
    open_to_all = rules.get("defaultAction") == "Allow" and not narrow
    return {"createMode", "networkAcls"} if open_to_all else {"createMode"}


async def delete(request: Request) -> Answer:
    """Soft delete: the vault answers no more, and its name stays taken."""
    name, body = request.id.name, request.existing or {}
    await request.cloud.shut(f"vault/{name.lower()}")
    gone = _deleted_id(request)
    protected = {"purgeProtectionEnabled": True} if body["properties"].get("enablePurgeProtection") else {}
    shown = {"vaultId": body["id"], "location": body["location"], "tags": body["tags"], **protected}
    request.cloud.store.put(
        gone, DELETED, {"id": str(gone), "name": name, "type": DELETED, "properties": shown}
    )
    request.cloud.store.remove(request.id)
    return Answer(200)


async def purge(request: Request) -> Answer:
    """Wipe a deleted vault with its secrets, and free its name; purge protection forbids it."""
    body = request.existing or {}
    if body["properties"].get("purgeProtectionEnabled"):
        raise AzureError("DeletedVaultPurge", name=body["name"])
    request.cloud.store.purge_secrets(body["name"])
    request.cloud.store.remove(request.id)
    return Answer(202, None, operations.by_location(request, "purge"))


def _refused_name(request: Request, name: str) -> tuple[str, str] | None:
    words = f"The name '{name}' is already in use or is not valid."
    if not matches(_NAME, name):
        return "AccountNameInvalid", words
    return ("AlreadyExists", words) if _taken(request, name) else None


check_name = name_check(_refused_name)
"""Whether a vault's name is legal and free."""


async def list_deleted(request: Request) -> list[Json]:
    """The deleted vaults of the subscription."""
    return request.cloud.store.of_type(DELETED)


def _deleted_id(request: Request) -> ResourceId:
    segments = ("locations", request.cloud.definition.location, "deletedVaults", request.id.name)
    return ResourceId(request.id.subscription, "", "Microsoft.KeyVault", segments)


async def set_policies(request: Request) -> Answer:
    """`accessPolicies/add`, `replace` and `remove`, each for the principals that it names."""
    kind = request.id.name.lower()
    target = request.id.up.up
    stored = request.cloud.store.get(target) or {}
    named = {each["objectId"]: each for each in request.properties.get("accessPolicies", [])}
    old = stored["properties"]["accessPolicies"]
    kept = [each for each in old if each["objectId"] not in named]
    stored["properties"]["accessPolicies"] = kept if kind == "remove" else [*kept, *named.values()]
    request.cloud.store.put(target, target.type, stored)
    listed = {"accessPolicies": stored["properties"]["accessPolicies"]}
    return Answer(200, {"id": str(request.id), "type": typed_name(request.id), "properties": listed})


def uri(cloud: Cloud, name: str) -> str:
    """A vault's address, without a slash at its end."""
    return f"https://{HOST}:{cloud.store.port(f'vault/{name.lower()}')}"


def _taken(request: Request, name: str) -> bool:
    return named_in(request, VAULTS, name) or named_in(request, DELETED, name)


VAULTS = "Microsoft.KeyVault/vaults"
VERSIONS = frozenset(
    {
        *("2019-09-01", "2021-10-01", "2022-07-01", "2022-11-01", "2023-02-01", "2023-07-01", "2024-11-01"),
        *("2024-12-01-preview", "2025-05-01", "2026-02-01", "2026-05-15"),
    }
)
_NAME = "[a-zA-Z0-9-]{3,24}"
_RIGHTS = record(secrets=listed(TEXT), keys=listed(TEXT), certificates=listed(TEXT), storage=listed(TEXT))
_POLICIES = listed(
    record("tenantId", "objectId", "permissions", tenantId=TEXT, objectId=TEXT, permissions=_RIGHTS)
)
_NETWORK = record(
    defaultAction=choice("Allow", "Deny"),
    bypass=choice("AzureServices", "None"),
    ipRules=listed(record("value", value=TEXT)),
    virtualNetworkRules=listed(record("id", id=TEXT)),
)
_PROPERTIES = record(
    "tenantId",
    "sku",
    tenantId=TEXT,
    sku=record("name", family=choice("A"), name=choice("standard", "premium")),
    accessPolicies=_POLICIES,
    createMode=choice("default", "recover"),
    enableRbacAuthorization=TRUTH,
    enableSoftDelete=TRUTH,
    enablePurgeProtection=TRUTH,
    softDeleteRetentionInDays=NUMBER,
    publicNetworkAccess=TEXT,
    networkAcls=_NETWORK,
)
TYPES = (
    ResourceType(
        VAULTS,
        VERSIONS,
        _NAME,
        resource("properties", properties=_PROPERTIES),
        put=put,
        delete=delete,
        patch=True,
        shown=shown,
        needs_location=True,
    ),
    ResourceType(DELETED, VERSIONS, _NAME, actions={"purge": purge}),
    ResourceType("Microsoft.KeyVault/deletedVaults", VERSIONS, _NAME, list=list_deleted),
    ResourceType(
        f"{VAULTS}/accessPolicies",
        VERSIONS,
        "(?i:add|replace|remove)",
        record("properties", properties=record("accessPolicies", accessPolicies=_POLICIES)),
        put=set_policies,
    ),
)
