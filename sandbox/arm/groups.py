"""Microsoft.Resources: resource groups."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.arm import authorization
from sandbox.arm.wire import Answer, Request, ResourceType
from sandbox.errors import AzureError
from sandbox.ids import ResourceId

TYPES: tuple[ResourceType, ...] = ()

TYPE = "Microsoft.Resources/resourceGroups"


async def route(request: Request, types: Mapping[str, ResourceType]) -> Answer:
    """A group, the list of groups, or the subscription itself."""
    if not request.id.group:
        found = request.cloud.store.of_type(TYPE)
        return Answer(200, {"value": authorization.readable(request, authorization.GROUPS, found)})
    existing = request.existing
    if request.method == "PUT":
        return _put(request)
    if existing is None:
        raise AzureError("ResourceGroupNotFound", group=request.id.group)
    if request.method in ("GET", "HEAD"):
        return Answer(200, existing)
    if request.method == "DELETE":
        return await _delete(request, types)
    raise AzureError("MethodNotAllowed", method=request.method, type=TYPE)


def _put(request: Request) -> Answer:
    if not request.body.get("location"):
        raise AzureError("LocationRequired")
    body = {
        "id": str(request.id),
        "name": request.id.group,
        "type": TYPE,
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    there = request.existing is not None
    request.cloud.store.put(request.id, TYPE, body)
    return Answer(200 if there else 201, body)


async def _delete(request: Request, types: Mapping[str, ResourceType]) -> Answer:
    """A group goes with everything in it, as on Azure."""
    for inside in sorted(request.cloud.store.get_below(request.id), key=len):
        id = ResourceId.parse(inside)
        kind = types.get(id.type) if id else None
        if id and kind and request.cloud.store.get(id):
            gone = Request(request.cloud, "DELETE", id, request.version, request.principal)
            if kind.delete:
                await kind.delete(gone)
            request.cloud.store.remove(id)
    request.cloud.store.remove(ResourceId(request.id.subscription, request.id.group))
    return Answer(200)
