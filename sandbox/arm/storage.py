"""Microsoft.Storage: accounts, their keys, and blob containers in Azurite."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from sandbox.arm.wire import FAST, Answer, Request, ResourceType, created, operation_url, require, typed_name
from sandbox.cloud import HOST, Cloud
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
    if fresh:
        await request.cloud.azurite.add(request.id.name)
    request.cloud.store.put(request.id, request.id.type, body)
    if not fresh:
        return Answer(200, body)
    operation, url = operation_url(request, request.id, "storage")
    request.cloud.store.put_operation(operation, {"location": True, "resource": body})
    return Answer(202, None, {"Location": url, **FAST})


async def delete_account(request: Request) -> Answer:
    """An account goes with all its containers."""
    async with service(request.cloud, request.id.name) as blobs:
        async for container in blobs.list_containers():
            await blobs.delete_container(container)
    await request.cloud.azurite.drop(request.id.name)
    request.cloud.store.remove(request.id)
    return Answer(200)


async def list_keys(request: Request) -> Answer:
    """The account's keys: whoever holds one holds the account."""
    made = (request.existing or {})["properties"]["creationTime"]
    keys = zip(("key1", "key2"), request.cloud.azurite.keys(request.id.name), strict=True)
    full = [
        {"creationTime": made, "keyName": name, "value": key, "permissions": "FULL"} for name, key in keys
    ]
    return Answer(200, {"keys": full})


async def put_container(request: Request) -> Answer:
    """A container in Azurite, private whatever was asked: the program never asks for more."""
    async with service(request.cloud, request.id.segments[1]) as blobs:
        with suppress(ResourceExistsError):
            await blobs.create_container(request.id.name)
    body = {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": {"publicAccess": "None", **request.properties},
    }
    return Answer(created(request, body), body)


async def delete_container(request: Request) -> Answer:
    """A container goes with its blobs."""
    async with service(request.cloud, request.id.segments[1]) as blobs:
        with suppress(ResourceNotFoundError):
            await blobs.delete_container(request.id.name)
    request.cloud.store.remove(request.id)
    return Answer(200)


def service(cloud: Cloud, account: str) -> BlobServiceClient:
    """A client of an account that holds its key."""
    credential = {"account_name": account, "account_key": cloud.azurite.keys(account)[0]}
    authority = str(cloud.places.authority)
    return BlobServiceClient(blob_url(cloud, account), credential, connection_verify=authority)


def blob_url(cloud: Cloud, account: str) -> str:
    """The account's blob endpoint; it ends with a slash, as ARM writes it."""
    return f"https://{HOST}:{cloud.azurite.port}/{account}/"


def _account(request: Request) -> Json:
    now = datetime.now(UTC).isoformat()
    old = (request.existing or {}).get("properties", {})
    made = old.get("creationTime", now)
    sku = str(request.body["sku"]["name"])
    endpoints = dict.fromkeys(_SERVICES, blob_url(request.cloud, request.id.name))
    defaults: Json = {
        "keyCreationTime": {"key1": made, "key2": made},
        "allowCrossTenantReplication": False,
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "supportsHttpsTrafficOnly": True,
        "encryption": {
            "services": {
                "file": {"keyType": "Account", "enabled": True},
                "blob": {"keyType": "Account", "enabled": True},
            },
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
    }


_VERSIONS = frozenset(
    {"2023-01-01", "2023-05-01", "2024-01-01", "2025-01-01", "2025-06-01", "2025-08-01", "2026-01-01"}
)
_ACCOUNTS = "Microsoft.Storage/storageAccounts"
TYPES = (
    ResourceType(
        _ACCOUNTS,
        _VERSIONS,
        "[a-z0-9]{3,24}",
        put=put_account,
        delete=delete_account,
        actions={"listkeys": list_keys},
        needs_location=True,
    ),
    ResourceType(
        f"{_ACCOUNTS}/blobServices/containers",
        _VERSIONS,
        "[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
        put=put_container,
        delete=delete_container,
    ),
)
