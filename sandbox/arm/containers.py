"""Microsoft.Storage: blob containers. Azurite alone stores them, whichever API created them."""

from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from sandbox.arm import bodies
from sandbox.arm.resource_type import Answer, Request, ResourceType, matches
from sandbox.arm.storage import VERSIONS
from sandbox.cloud.cloud import ACCOUNTS
from sandbox.cloud.database import Json
from sandbox.storage import blobs


async def put(request: Request) -> Answer:
    """Create or update a container. It is always private: Azurite would allow anonymous access."""
    metadata = request.properties.get("metadata")
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        container = service.get_container_client(request.id.name)
        with suppress(ResourceExistsError):
            await container.create_container()
        if metadata is not None:
            await container.set_container_metadata(metadata)
        found = _body(request, await container.get_container_properties())
    return Answer(200 if request.existing else 201, found, {"ETag": found["etag"]})


async def delete(request: Request) -> Answer:
    """Delete a container with its blobs and role assignments."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        with suppress(ResourceNotFoundError):
            await service.delete_container(request.id.name)
    request.resources.remove(request.id)
    return Answer(200)


async def find(request: Request) -> Json | None:
    """The container in Azurite."""
    account = request.resources.get(request.id.ancestors[0])
    if account is None or not matches(_NAME, request.id.name):
        return None
    async with blobs.service(request.cloud, account["name"]) as service:
        try:
            found = await service.get_container_client(request.id.name).get_container_properties()
        except ResourceNotFoundError:
            return None
    return _body(request, found)


async def list_containers(request: Request) -> list[Json]:
    """All containers of an account."""
    async with blobs.service(request.cloud, request.id.segments[1]) as service:
        return [
            _body(request.on(request.id.child(each.name)), each)
            async for each in service.list_containers(include_metadata=True)
        ]


def _body(request: Request, found: Any) -> Json:
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


_NAME = "[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]"
TYPES = (
    ResourceType(
        f"{ACCOUNTS}/blobServices/containers",
        VERSIONS,
        _NAME,
        put=put,
        delete=delete,
        patch=True,
        find=find,
        list=list_containers,
    ),
)
