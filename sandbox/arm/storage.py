"""Microsoft.Storage: accounts, their keys and their settings."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.arm import operations
from sandbox.arm.resource_type import (
    Answer,
    Request,
    ResourceType,
    created,
    matches,
    name_check,
    named_in,
    typed_name,
)
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError
from sandbox.http.schemas import NUMBER, TEXT, TRUTH, choice, listed, record, resource
from sandbox.storage import blobs
from sandbox.storage.service_sas import list_service_sas

_SERVICES = ("dfs", "web", "blob", "queue", "table", "file")


async def put_account(request: Request) -> Answer:
    """Create or update an account; it answers in Azurite before this does."""
    fresh = request.existing is None
    if fresh and named_in(request, _ACCOUNTS, request.id.name):
        raise AzureError("StorageAccountAlreadyTaken", name=request.id.name)
    body = _account(request)
    request.cloud.store.put(request.id, request.id.type, body)
    await blobs.renew(request.cloud)
    if not fresh:
        return Answer(200, body)
    return Answer(202, None, operations.by_location(request, "storage", body))


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


async def put_rules(request: Request) -> Answer:
    """Lifecycle rules: kept and shown, not acted on."""
    changed = {"lastModifiedTime": datetime.now(UTC).isoformat()}
    body = {**_place(request), "properties": {**request.properties, **changed}}
    created(request, body)
    return Answer(200, body)


async def put_blob_service(request: Request) -> Answer:
    """Properties of an account's blob service: kept and shown, not acted on."""
    body = {**_place(request), "properties": {**_BLOB_SERVICE, **request.properties}}
    created(request, body)
    return Answer(200, body)


async def find_blob_service(request: Request) -> Json | None:
    """The blob service is there with its account, whether anybody has set it up or not."""
    if request.cloud.store.get(request.id.up.up) is None:
        return None
    return request.cloud.store.get(request.id) or {**_place(request), "properties": _BLOB_SERVICE}


async def list_blob_services(request: Request) -> list[Json]:
    """The one that there is."""
    found = await find_blob_service(request.on(request.id.child("default")))
    return [found] if found else []


_BLOB_SERVICE: Json = {
    "cors": {"corsRules": []},
    "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
}


def _place(request: Request) -> Json:
    return {"id": str(request.id), "name": request.id.name, "type": typed_name(request.id)}


async def delete_settings(request: Request) -> Answer:
    """Forget them."""
    request.cloud.store.remove(request.id)
    return Answer(200)


def _refused_name(request: Request, name: str) -> tuple[str, str] | None:
    if not matches(_NAME, name):
        words = (
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 "
            "characters in length and use numbers and lower-case letters only."
        )
        return "AccountNameInvalid", words
    taken = named_in(request, _ACCOUNTS, name)
    return ("AlreadyExists", f"The storage account named {name} is already taken.") if taken else None


check_name = name_check(_refused_name)
"""Whether an account's name is legal and free."""


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


VERSIONS = frozenset(
    {
        *("2019-06-01", "2021-01-01", "2021-02-01", "2021-04-01", "2021-06-01", "2021-08-01", "2021-09-01"),
        *("2022-05-01", "2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01", "2025-01-01"),
        *("2025-06-01", "2025-08-01", "2026-01-01", "2026-04-01", "2026-09-01"),
    }
)
_ACCOUNTS = blobs.ACCOUNTS
_NAME = "[a-z0-9]{3,24}"
_SWITCH = choice("Enabled", "Disabled")
_NETWORK = record(
    "defaultAction",
    defaultAction=choice("Allow", "Deny"),
    bypass=TEXT,
    ipRules=listed(record("value", value=TEXT)),
    virtualNetworkRules=listed(record("id", id=TEXT)),
)
_PROPERTIES = record(
    allowSharedKeyAccess=TRUTH,
    allowBlobPublicAccess=TRUTH,
    supportsHttpsTrafficOnly=TRUTH,
    publicNetworkAccess=_SWITCH,
    minimumTlsVersion=TEXT,
    accessTier=choice("Hot", "Cool", "Premium", "Cold"),
    networkAcls=_NETWORK,
)
_RETENTION = record(enabled=TRUTH, days=NUMBER)
TYPES = (
    ResourceType(
        _ACCOUNTS,
        VERSIONS,
        _NAME,
        resource("sku", "kind", sku=record("name", name=TEXT), kind=TEXT, properties=_PROPERTIES),
        put=put_account,
        delete=delete_account,
        patch=True,
        actions={
            "listkeys": list_keys,
            "regeneratekey": regenerate_key,
            "listservicesas": list_service_sas,
        },
        needs_location=True,
    ),
    ResourceType(
        f"{_ACCOUNTS}/blobServices",
        VERSIONS,
        "default",
        record(
            properties=record(deleteRetentionPolicy=_RETENTION, containerDeleteRetentionPolicy=_RETENTION)
        ),
        put=put_blob_service,
        find=find_blob_service,
        list=list_blob_services,
    ),
    ResourceType(
        f"{_ACCOUNTS}/managementPolicies",
        VERSIONS,
        "default",
        record("properties", properties=record("policy", policy=record("rules", rules=listed(record())))),
        put=put_rules,
        delete=delete_settings,
    ),
)
