"""Microsoft.Storage: accounts, their keys and settings, and blob containers in Azurite."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from sandbox import blobs
from sandbox.arm.wire import (
    FAST,
    Answer,
    Request,
    ResourceType,
    created,
    not_found,
    operation_url,
    require,
    typed_name,
)
from sandbox.errors import AzureError
from sandbox.store import Json

_SERVICES = ("dfs", "web", "blob", "queue", "table", "file")


async def put_account(request: Request) -> Answer:
    """Create or update an account; it answers in Azurite before this does."""
    require(request, "sku.name", "kind")
    fresh = request.existing is None
    taken = {each["name"] for each in request.cloud.store.of_type(request.id.type)}
    if fresh and request.id.name in taken:
        raise AzureError("StorageAccountAlreadyTaken", name=request.id.name)
    body = _account(request)
    request.cloud.store.put(request.id, request.id.type, body)
    await blobs.renew(request.cloud)
    if not fresh:
        return Answer(200, body)
    operation, url = operation_url(request, request.id, "storage")
    request.cloud.store.put_operation(operation, {"location": True, "resource": body})
    return Answer(202, None, {"Location": url, **FAST})


async def delete_account(request: Request) -> Answer:
    """An account goes with all its containers."""
    request.cloud.store.put(request.id, request.id.type, _opened(request.existing or {}))
    await blobs.renew(request.cloud)
    async with blobs.service(request.cloud, request.id.name) as service:
        async for container in service.list_containers():
            await service.delete_container(container)
    request.cloud.store.remove(request.id)
    await blobs.renew(request.cloud)
    return Answer(200)


def _opened(account: Json) -> Json:
    """The same account without network rules, so that its content can be thrown away."""
    kept = {
        key: each
        for key, each in account["properties"].items()
        if key not in ("networkAcls", "publicNetworkAccess")
    }
    return {**account, "properties": kept}


async def list_keys(request: Request) -> Answer:
    """The account's keys: whoever holds one holds the account."""
    made = (request.existing or {})["properties"]["creationTime"]
    keys = zip(("key1", "key2"), blobs.keys(request.cloud, request.existing or {}), strict=True)
    full = [
        {"creationTime": made, "keyName": name, "value": key, "permissions": "FULL"} for name, key in keys
    ]
    return Answer(200, {"keys": full})


async def regenerate_key(request: Request) -> Answer:
    """Make one key anew: whatever the old one signed is refused from now on."""
    name = str(request.body.get("keyName") or "")
    if name not in ("key1", "key2"):
        raise AzureError("BadRequest", reason=f"The key name '{name}' is not valid; expected key1 or key2.")
    account = request.existing or {}
    made = dict((account.get("sandbox") or {}).get("generations") or {})
    made[name] = made.get(name, 0) + 1
    request.cloud.store.put(request.id, request.id.type, {**account, "sandbox": {"generations": made}})
    await blobs.renew(request.cloud)
    return await list_keys(request)


async def put_settings(request: Request) -> Answer:
    """Properties of an account's blob service, or its lifecycle rules: kept and shown, not acted on."""
    body = {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": request.properties,
    }
    if request.id.segments[2].lower() == "managementpolicies":
        body["properties"] = {**request.properties, "lastModifiedTime": datetime.now(UTC).isoformat()}
    created(request, body)
    return Answer(200, body)


async def get_blob_service(request: Request) -> Answer:
    """The blob service is there with its account, whether anybody has set it up or not."""
    if request.cloud.store.get(request.id.up.up) is None:
        raise not_found(Request(request.cloud, "GET", request.id.up.up, request.version, request.principal))
    plain: Json = {
        "cors": {"corsRules": []},
        "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
    }
    place = {"id": str(request.id), "name": "default", "type": typed_name(request.id)}
    return Answer(200, request.existing or {**place, "properties": plain})


async def delete_settings(request: Request) -> Answer:
    """Forget them."""
    request.cloud.store.remove(request.id)
    return Answer(200)


async def check_name(request: Request) -> Answer:
    """Whether an account's name is legal and free."""
    name = str(request.body.get("name") or "")
    if not re.fullmatch(_NAME, name):
        reason = "AccountNameInvalid"
        words = (
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 "
            "characters in length and use numbers and lower-case letters only."
        )
    elif name in {each["name"] for each in request.cloud.store.of_type(_ACCOUNTS)}:
        reason, words = "AlreadyExists", f"The storage account named {name} is already taken."
    else:
        return Answer(200, {"nameAvailable": True})
    return Answer(200, {"nameAvailable": False, "reason": reason, "message": words})


async def put_container(request: Request) -> Answer:
    """A container in Azurite, private whatever was asked: the program never asks for more."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        with suppress(ResourceExistsError):
            await service.create_container(request.id.name)
    body = {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": {"publicAccess": "None", **request.properties},
    }
    return Answer(created(request, body), body)


async def delete_container(request: Request) -> Answer:
    """A container goes with its blobs."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        with suppress(ResourceNotFoundError):
            await service.delete_container(request.id.name)
    request.cloud.store.remove(request.id)
    return Answer(200)


def _account(request: Request) -> Json:
    now = datetime.now(UTC).isoformat()
    old = (request.existing or {}).get("properties", {})
    made = old.get("creationTime", now)
    sku = str(request.body["sku"]["name"])
    endpoints = dict.fromkeys(_SERVICES, blobs.url(request.cloud, request.id.name))
    encrypted = {"keyType": "Account", "enabled": True, "lastEnabledTime": made}
    defaults: Json = {
        "allowCrossTenantDelegationSas": False,
        "keyCreationTime": {"key1": made, "key2": made},
        "allowCrossTenantReplication": False,
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
        "networkAcls": {
            "ipv6Rules": [],
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "supportsHttpsTrafficOnly": True,
        "encryption": {
            "services": {"file": encrypted, "blob": encrypted},
            "keySource": "Microsoft.Storage",
        },
        "accessTier": "Hot",
    }
    fixed: Json = {
        "provisioningState": "Succeeded",
        "creationTime": made,
        "primaryEndpoints": endpoints,
        "primaryLocation": request.body["location"],
        "statusOfPrimary": "available",
    }
    return {
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": request.body["kind"],
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        "properties": {**defaults, **request.properties, **fixed},
        "sandbox": (request.existing or {}).get("sandbox") or {},
    }


_VERSIONS = frozenset(
    {
        "2023-01-01",
        "2023-05-01",
        "2024-01-01",
        "2025-01-01",
        "2025-06-01",
        "2025-08-01",
        "2026-01-01",
        "2026-09-01",
    }
)
_ACCOUNTS = blobs.ACCOUNTS
_NAME = "[a-z0-9]{3,24}"
TYPES = (
    ResourceType(
        _ACCOUNTS,
        _VERSIONS,
        _NAME,
        put=put_account,
        delete=delete_account,
        actions={"listkeys": list_keys, "regeneratekey": regenerate_key},
        needs_location=True,
    ),
    ResourceType(
        f"{_ACCOUNTS}/blobServices", _VERSIONS, "default", put=put_settings, get=get_blob_service, always=True
    ),
    ResourceType(
        f"{_ACCOUNTS}/managementPolicies", _VERSIONS, "default", put=put_settings, delete=delete_settings
    ),
    ResourceType(
        f"{_ACCOUNTS}/blobServices/containers",
        _VERSIONS,
        "[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
        put=put_container,
        delete=delete_container,
    ),
)
