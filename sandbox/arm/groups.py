"""Microsoft.Resources: resource groups."""

from collections.abc import Mapping

from sandbox.arm import authorization, operations, paging
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions, matches, request_schema
from sandbox.cloud.database import Json
from sandbox.http import schemas
from sandbox.http.azure_errors import AzureError

TYPE = "Microsoft.Resources/resourceGroups"
_NAME = r"[\w().-]{0,89}[\w()-]"


async def put(request: Request) -> Answer:
    """Create or update a group; its location cannot change."""
    body, existing = schemas.checked(request.body, request_schema(TYPE)), request.resources.get(request.id)
    if not matches(_NAME, request.id.group):
        raise AzureError("InvalidResourceName", name=request.id.group, pattern=_NAME)
    if not body.get("location"):
        raise AzureError("LocationRequired")
    if existing and _plain(existing["location"]) != _plain(body["location"]):
        location, old = str(body["location"]), str(existing["location"])
        raise AzureError("InvalidResourceGroupLocation", location=location, existing=old)
    _store(request, body, existing)
    return Answer(200 if existing else 201, _existing(request))


async def patch(request: Request) -> Answer:
    """Change the tags."""
    existing = _existing(request)
    _store(request, {**existing, **schemas.checked(request.body, request_schema(TYPE))}, existing)
    return Answer(200, _existing(request))


async def get(request: Request) -> Answer:
    """Return a group."""
    return Answer(200, _existing(request))


async def head(request: Request) -> Answer:
    """Return 204 if the group exists."""
    _existing(request)
    return Answer(204)


async def list_groups(request: Request) -> Answer:
    """List the groups."""
    found = authorization.readable(request, authorization.GROUPS, request.resources.of_type(TYPE))
    return Answer(200, paging.page(request, found))


async def delete(request: Request, types: Mapping[str, ResourceType]) -> Answer:
    """Delete a group with all its resources."""
    _existing(request)
    for inside in sorted(request.resources.ids_below(request.id), key=len):
        id = ResourceId.parse(inside)
        kind = types.get(id.type) if id else None
        existing = request.resources.get(id) if id else None
        if id and existing:
            deleted = Request(
                request.cloud, "DELETE", id, request.version, request.principal, existing=existing
            )
            if kind and kind.delete:
                await kind.delete(deleted)
            request.resources.remove(id)
    request.resources.remove(request.id)
    return Answer(202, None, operations.by_location(request, "delete"))


def _existing(request: Request) -> Json:
    existing = request.resources.get(request.id)
    if existing is None:
        raise AzureError("ResourceGroupNotFound", group=request.id.group)
    return existing


def _store(request: Request, body: Json, existing: Json | None) -> None:
    old = existing or {"id": str(request.id), "name": request.id.group}
    whole = {
        "id": old["id"],
        "name": old["name"],
        "type": TYPE,
        "location": old.get("location") or body["location"],
        **({"managedBy": body["managedBy"]} if body.get("managedBy") else {}),
        "tags": body.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    request.resources.put(request.id, TYPE, whole)


def _plain(location: object) -> str:
    """The short name of a location: `westeurope` for `West Europe`."""
    return str(location).replace(" ", "").lower()


VERSIONS = api_versions("resources")
"""The versions of Microsoft.Resources: groups, lists, subscriptions, tenants, providers."""

TYPES = (ResourceType(TYPE, VERSIONS, _NAME),)
