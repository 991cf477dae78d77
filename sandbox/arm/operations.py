"""Long-running operations, both ways: `Azure-AsyncOperation` says how far it is, `Location` when it is done.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import FAST, Answer, Request
from sandbox.cloud.cloud import new_id
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

PATHS = frozenset({"operationstatuses", "operationresults"})
"""The segments that an operation's link has before its last."""


def named(kind: str) -> str:
    """A name for a new operation."""
    return f"{kind}-{new_id()}"


def status_link(request: Request, operation: str) -> dict[str, str]:
    """The header that sends the client to the operation's status, below the resource."""
    base = f"{request.cloud.arm}{request.id}/operationStatuses/{operation}"
    return {"Azure-AsyncOperation": f"{base}?api-version={request.version}", **FAST}


def by_status(request: Request, kind: str, meanwhile: str) -> dict[str, str]:
    """Headers of an operation that says `meanwhile` until it says Succeeded."""
    operation = named(kind)
    kept = {"status": "Succeeded", "sandbox": {"polls": polls(request), "meanwhile": meanwhile}}
    request.cloud.store.put_operation(operation, kept)
    return status_link(request, operation)


def by_location(request: Request, kind: str, resource: Any = None) -> dict[str, str]:
    """Headers of an operation that answers 202 until it answers 200, with a resource or with nothing."""
    operation = named(kind)
    kept = {"resource": resource, "sandbox": {"polls": polls(request), "location": True}}
    request.cloud.store.put_operation(operation, kept)
    namespace, location = request.id.namespace, request.cloud.definition.location
    where = f"/providers/{namespace}/locations/{location}" if namespace else ""
    base = f"{request.cloud.arm}/subscriptions/{request.id.subscription}{where}/operationResults/{operation}"
    return {"Location": f"{base}?api-version={request.version}", **FAST}


def polls(request: Request) -> int:
    """How often what is done already still answers that it is not."""
    return int(request.cloud.faults.choice("polls"))


async def poll(request: Request, name: str) -> Answer:
    """How far an operation is; the link is repeated in every answer."""
    kept = request.cloud.store.operation(name)
    if kept is None:
        raise AzureError("OperationNotFound", operation=name)
    ours: Json = kept.get("sandbox", {})
    waiting = ours.get("polls", 0) > 0
    if waiting:
        ours["polls"] -= 1
        request.cloud.store.put_operation(name, kept)
    again = f"{request.cloud.arm}{quote(_place(request.id))}?api-version={request.version}"
    if ours.get("location"):
        return Answer(202, None, {"Location": again, **FAST}) if waiting else Answer(200, kept["resource"])
    status = {"status": ours["meanwhile"]} if waiting else kept
    return Answer(200, status, {"Azure-AsyncOperation": again, **FAST})


def _place(id: ResourceId) -> str:
    """An operation's path; one on resource groups has no namespace."""
    return str(id) if id.namespace else f"/subscriptions/{id.subscription}/{'/'.join(id.segments)}"
