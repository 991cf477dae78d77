"""Microsoft.Storage: accounts, their keys, settings and blob containers."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from sandbox.arm import bodies, operations
from sandbox.arm.resource_type import (
    Answer,
    Handler,
    Request,
    ResourceType,
    api_versions,
    delete_stored,
    is_taken,
    matches,
    name_check,
)
from sandbox.cloud.cloud import ACCOUNTS
from sandbox.cloud.database import Json
from sandbox.http import ip_rules
from sandbox.http.azure_errors import AzureError
from sandbox.storage import blobs

_SERVICES = ("dfs", "web", "blob", "queue", "table", "file")


_in_progress: set[str] = set()
"""The IDs of accounts that are being changed."""

_OPERATION = 0.1
"""Seconds that a change of an account takes."""


def _exclusive(handler: Handler) -> Handler:
    """Refuse a request while its account is being changed, if the open question says so."""

    async def answer(request: Request) -> Answer:
        account = str(request.id.ancestors[0]).lower()
        if request.faults.choice("storage-operations") == "parallel":
            return await handler(request)
        _require_idle(account)
        _in_progress.add(account)
        try:
            await asyncio.sleep(_OPERATION)
            return await handler(request)
        finally:
            _in_progress.discard(account)

    return answer


def _require_idle(account: str) -> None:
    if account.lower() in _in_progress:
        raise AzureError("StorageAccountOperationInProgress")


async def put_account(request: Request) -> Answer:
    """Create or update an account. Azurite serves it before this returns."""
    fresh = request.existing is None
    if fresh and is_taken(request, request.id.name, ACCOUNTS):
        raise AzureError("StorageAccountAlreadyTaken", name=request.id.name)
    ip_rules.require_public_ipv4(request.properties.get("networkAcls"))
    body = _account(request)
    request.resources.put(request.id, request.id.type, body)
    await request.cloud.azurite.renew()
    if not fresh:
        return Answer(200, body)
    return Answer(202, None, operations.by_location(request, "storage", body))


async def delete_account(request: Request) -> Answer:
    """Delete an account with its containers."""
    request.resources.put(request.id, request.id.type, _without_firewall(request.existing or {}))
    await request.cloud.azurite.renew()
    async with blobs.service(request.cloud, request.id.name) as service:
        async for container in service.list_containers():
            await service.delete_container(container)
    request.resources.remove(request.id)
    await request.cloud.azurite.renew()
    return Answer(200)


def _without_firewall(account: Json) -> Json:
    """The account without network rules, so that its content can be deleted."""
    kept = {
        key: each
        for key, each in account["properties"].items()
        if key not in ("networkAcls", "publicNetworkAccess")
    }
    return {**account, "properties": kept}


async def list_keys(request: Request) -> Answer:
    """List the account's keys."""
    _require_idle(str(request.id))
    created = (request.existing or {})["properties"]["keyCreationTime"]
    keys = zip(blobs.KEYS, blobs.keys(request.cloud, request.existing or {}), strict=True)
    full = [
        {"creationTime": created[name], "keyName": name, "value": key, "permissions": "FULL"}
        for name, key in keys
    ]
    return Answer(200, {"keys": full})


async def regenerate_key(request: Request) -> Answer:
    """Regenerate a key. SAS tokens of the old key become invalid."""
    name = str(request.body.get("keyName") or "")
    if name not in blobs.KEYS:
        raise AzureError("BadRequest", reason=f"The key name '{name}' is not valid; expected key1 or key2.")
    account = request.existing or {}
    times = {**account["properties"]["keyCreationTime"], name: request.faults.now().isoformat()}
    renewed = {**account, "properties": {**account["properties"], "keyCreationTime": times}}
    request.resources.put(request.id, request.id.type, renewed)
    await request.cloud.azurite.renew()
    return await list_keys(replace(request, existing=renewed))


async def put_rules(request: Request) -> Answer:
    """Lifecycle rules: stored and returned, not applied."""
    return bodies.store_properties(
        request, {**request.properties, "lastModifiedTime": datetime.now(UTC).isoformat()}
    )


async def put_blob_service(request: Request) -> Answer:
    """Properties of the blob service: stored and returned, not applied."""
    return bodies.store_properties(
        request, {**bodies.default_properties("blobService"), **request.properties}
    )


async def find_blob_service(request: Request) -> Json | None:
    """The blob service, which exists with its account."""
    if request.resources.get(request.id.up.up) is None:
        return None
    return request.resources.get(request.id) or {
        **bodies.envelope(request),
        "properties": bodies.default_properties("blobService"),
    }


async def list_blob_services(request: Request) -> list[Json]:
    """List the account's only blob service."""
    found = await find_blob_service(request.on(request.id.child("default")))
    return [found] if found else []


_METADATA_VALUE = r"[\x20-\x7e]*"
"""A value of metadata is that of an HTTP header, and a name is an identifier.

https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#metadata-names
"""


async def put_container(request: Request) -> Answer:
    """Create or update a container, which only Azurite stores.

    It is always private: Azurite would allow anonymous access.
    """
    metadata = request.properties.get("metadata")
    for name, value in (metadata or {}).items():
        if not (name.isascii() and name.isidentifier() and matches(_METADATA_VALUE, value)):
            raise AzureError("BadRequest", reason=f"The metadata {name!r} is not valid.")
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        container = service.get_container_client(request.id.name)
        with suppress(ResourceExistsError):
            await container.create_container()
        if metadata is not None:
            await container.set_container_metadata(metadata)
        found = _container(request, await container.get_container_properties())
    return Answer(200 if request.existing else 201, found, {"ETag": found["etag"]})


async def delete_container(request: Request) -> Answer:
    """Delete a container with its blobs and role assignments."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        with suppress(ResourceNotFoundError):
            await service.delete_container(request.id.name)
    request.resources.remove(request.id)
    return Answer(200)


async def find_container(request: Request) -> Json | None:
    """The container in Azurite."""
    account = request.resources.get(request.id.ancestors[0])
    if account is None or not matches(_CONTAINER_NAME, request.id.name):
        return None
    async with blobs.service(request.cloud, account["name"]) as service:
        try:
            found = await service.get_container_client(request.id.name).get_container_properties()
        except ResourceNotFoundError:
            return None
    return _container(request, found)


async def list_containers(request: Request) -> list[Json]:
    """All containers of an account."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        return [
            _container(request.on(request.id.child(each.name)), each)
            async for each in service.list_containers(include_metadata=True)
        ]


def _container(request: Request, found: Any) -> Json:
    properties = {
        "deleted": False,
        "remainingRetentionDays": 0,
        "publicAccess": "None",
        "leaseStatus": str(found.lease.status or "unlocked").capitalize(),
        "leaseState": str(found.lease.state or "available").capitalize(),
        "lastModifiedTime": found.last_modified.isoformat(),
        "metadata": dict(found.metadata or {}),
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
    }
    etag = f'"{str(found.etag).strip(chr(34))}"'
    return {**bodies.envelope(request), "etag": etag, "properties": properties}


def _account(request: Request) -> Json:
    now = datetime.now(UTC).isoformat()
    old = (request.existing or {}).get("properties", {})
    created = old.get("creationTime", now)
    sku = str(request.body["sku"]["name"])
    encrypted = {"keyType": "Account", "enabled": True, "lastEnabledTime": created}
    defaults = bodies.default_properties("storageAccount")
    defaults["encryption"]["services"] = {"file": encrypted, "blob": encrypted}
    fixed: Json = {
        "provisioningState": "Succeeded",
        "creationTime": created,
        "keyCreationTime": old.get("keyCreationTime") or dict.fromkeys(blobs.KEYS, created),
        "primaryEndpoints": dict.fromkeys(_SERVICES, request.cloud.blob_url(request.id.name)),
        "primaryLocation": request.body["location"],
        "statusOfPrimary": "available",
    }
    return {
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": request.body["kind"],
        **bodies.tracked(request),
        "properties": {**defaults, **request.properties, **fixed},
        "sandbox": (request.existing or {}).get("sandbox") or {},
    }


VERSIONS = api_versions("storage")
_NAME = "[a-z0-9]{3,24}"
_CONTAINER_NAME = "[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]"
_INVALID = (
    "{name} is not a valid storage account name. Storage account name must be between 3 and 24 "
    "characters in length and use numbers and lower-case letters only."
)
_TAKEN = "The storage account named {name} is already taken."
check_name = name_check(_NAME, ("AccountNameInvalid", _INVALID), _TAKEN, ACCOUNTS)
"""The check of an account's name."""

TYPES = (
    ResourceType(
        ACCOUNTS,
        VERSIONS,
        _NAME,
        put=put_account,
        delete=delete_account,
        patch=True,
        actions={
            "listkeys": list_keys,
            "regeneratekey": regenerate_key,
        },
        needs_location=True,
    ),
    ResourceType(
        f"{ACCOUNTS}/blobServices",
        VERSIONS,
        "default",
        put=_exclusive(put_blob_service),
        find=find_blob_service,
        list=list_blob_services,
    ),
    ResourceType(
        f"{ACCOUNTS}/managementPolicies",
        VERSIONS,
        "default",
        put=_exclusive(put_rules),
        delete=delete_stored,
    ),
    ResourceType(
        f"{ACCOUNTS}/blobServices/containers",
        VERSIONS,
        _CONTAINER_NAME,
        put=_exclusive(put_container),
        delete=delete_container,
        patch=True,
        find=find_container,
        missing=lambda request: AzureError(
            request.faults.choice("missing-container"), resource=request.id.full_name, group=request.id.group
        ),
        list=list_containers,
    ),
)
