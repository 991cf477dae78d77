"""Microsoft.KeyVault: vaults, their access policies, and secrets through the management endpoint."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from sandbox import vault
from sandbox.arm.wire import Answer, Request, ResourceType, require, system_data, typed_name
from sandbox.cloud import HOST, Cloud
from sandbox.errors import AzureError
from sandbox.ids import ResourceId
from sandbox.store import Json

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
    require(request, "properties.tenantId", "properties.sku.name")
    fresh, name = request.existing is None, request.id.name
    recovering = fresh and str(request.properties.get("createMode") or "").lower() == "recover"
    if fresh and not recovering and _taken(request.cloud, name):
        raise AzureError("VaultAlreadyExists", name=name)
    if fresh:
        await vault.open_vault(request.cloud, name)
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
    }
    request.cloud.store.put(request.id, request.id.type, body)
    registering = {"vaultUri": uri(request.cloud, name), "provisioningState": "RegisteringDns"}
    return Answer(200, {**body, "properties": {**body["properties"], **registering}})


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
    return Answer(200)


async def check_name(request: Request) -> Answer:
    """Whether a vault's name is legal and free."""
    name = str(request.body.get("name") or "")
    if not re.fullmatch(_NAME, name):
        reason = "AccountNameInvalid"
    elif _taken(request.cloud, name):
        reason = "AlreadyExists"
    else:
        return Answer(200, {"nameAvailable": True})
    words = f"The name '{name}' is already in use or is not valid."
    return Answer(200, {"nameAvailable": False, "reason": reason, "message": words})


def _deleted_id(request: Request) -> ResourceId:
    segments = ("locations", request.cloud.facts.location, "deletedVaults", request.id.name)
    return ResourceId(request.id.subscription, "", "Microsoft.KeyVault", segments)


async def set_policies(request: Request) -> Answer:
    """`accessPolicies/add`, `replace` and `remove`, each for the principals that it names."""
    kind = request.id.name.lower()
    target = request.id.up.up
    stored = request.cloud.store.get(target)
    if stored is None:
        raise AzureError("ParentResourceNotFound", parent=target.full_name)
    named = {each["objectId"]: each for each in request.properties.get("accessPolicies", [])}
    old = stored["properties"]["accessPolicies"]
    kept = [each for each in old if each["objectId"] not in named]
    stored["properties"]["accessPolicies"] = kept if kind == "remove" else [*kept, *named.values()]
    request.cloud.store.put(target, target.type, stored)
    listed = {"accessPolicies": stored["properties"]["accessPolicies"]}
    return Answer(200, {"id": str(request.id), "type": typed_name(request.id), "properties": listed})


async def put_secret(request: Request) -> Answer:
    """A new version of a secret; its value is in no answer."""
    require(request, "properties.value")
    vault_name, name = request.id.segments[1], request.id.name
    value = str(request.properties["value"])
    shown = {key: entry for key, entry in request.properties.items() if key != "value"}
    version = vault.store_secret(
        request.cloud, vault_name, name, value, shown, request.body.get("tags") or {}
    )
    place = f"{uri(request.cloud, vault_name)}/secrets/{name}"
    now, old = int(time.time()), request.existing
    made = old["properties"]["attributes"]["created"] if old else now
    attributes = {"enabled": True, **(shown.get("attributes") or {}), "created": made, "updated": now}
    uris = {"secretUri": place, "secretUriWithVersion": f"{place}/{version}"}
    stored = request.cloud.store.get(request.id.up.up) or {}
    body = {
        "id": str(request.id),
        "name": name,
        "type": typed_name(request.id),
        "location": stored.get("location"),
        "tags": request.body.get("tags") or {},
        "properties": {**shown, "attributes": attributes, **uris},
    }
    request.cloud.store.put(request.id, request.id.type, body)
    return Answer(200 if old else 201, body)


def uri(cloud: Cloud, name: str) -> str:
    """A vault's address, without a slash at its end."""
    return f"https://{HOST}:{cloud.store.port(f'vault/{name.lower()}')}"


def _taken(cloud: Cloud, name: str) -> bool:
    everywhere = [*cloud.store.of_type("Microsoft.KeyVault/vaults"), *cloud.store.of_type(DELETED)]
    return name.lower() in {each["name"].lower() for each in everywhere}


_VAULTS = "Microsoft.KeyVault/vaults"
_VERSIONS = frozenset(
    {"2021-10-01", "2022-07-01", "2023-02-01", "2023-07-01", "2024-11-01", "2024-12-01-preview", "2025-05-01"}
)
_NAME = "[a-zA-Z0-9-]{3,24}"
TYPES = (
    ResourceType(_VAULTS, _VERSIONS, _NAME, put=put, delete=delete, needs_location=True),
    ResourceType(DELETED, _VERSIONS, _NAME, actions={"purge": purge}),
    ResourceType(f"{_VAULTS}/accessPolicies", _VERSIONS, "(?i:add|replace|remove)", put=set_policies),
    ResourceType(f"{_VAULTS}/secrets", _VERSIONS, "[a-zA-Z0-9-]{1,127}", put=put_secret),
)
