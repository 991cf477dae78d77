"""Microsoft.Resources: resource groups."""

from __future__ import annotations

from sandbox.arm.wire import Answer, Request, ResourceType
from sandbox.errors import AzureError
from sandbox.ids import ResourceId

TYPES: tuple[ResourceType, ...] = ()

TYPE = "Microsoft.Resources/resourceGroups"


async def route(request: Request) -> Answer:
    """A group, the list of groups, or the subscription itself."""
    if not request.id.group:
        return Answer(200, {"value": request.cloud.store.of_type(TYPE)})
    existing = request.existing
    if request.method == "PUT":
        return _put(request)
    if existing is None:
        raise AzureError("ResourceGroupNotFound", group=request.id.group)
    if request.method in ("GET", "HEAD"):
        return Answer(200, existing)
    if request.method == "DELETE":
        return _delete(request)
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


def _delete(request: Request) -> Answer:
    """A group that still holds resources is refused, so that nothing is lost by one call.

    Azure deletes what is in it; a program that takes its own resources away first never sees the difference.
    """
    inside = request.cloud.store.get_below(request.id)
    if inside:
        raise AzureError(
            "BadRequest", reason=f"The sandbox deletes empty groups alone; still there: {', '.join(inside)}"
        )
    request.cloud.store.remove(ResourceId(request.id.subscription, request.id.group))
    return Answer(200)
