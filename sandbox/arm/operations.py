"""Long-running operations: `Azure-AsyncOperation` returns the status, `Location` returns the result.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from typing import Any
from urllib.parse import quote

from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import FAST, Answer, Request
from sandbox.cloud.cloud import new_id
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

PATHS = frozenset({"operationstatuses", "operationresults"})
"""The second-to-last segment of an operation's URL."""


def new_name(kind: str) -> str:
    """A name for a new operation."""
    return f"{kind}-{new_id()}"


def status_link(request: Request, operation: str) -> dict[str, str]:
    """The headers with the URL of the operation's status, below the resource."""
    base = f"{request.cloud.arm}{request.id}/operationStatuses/{operation}"
    return {"Azure-AsyncOperation": f"{base}?api-version={request.version}", **FAST}


def by_status(request: Request, kind: str, pending: str) -> dict[str, str]:
    """The headers of an operation whose status is `pending` until it is Succeeded."""
    operation = new_name(kind)
    kept = {"status": "Succeeded", "sandbox": {"polls": polls(request), "pending": pending}}
    request.resources.put_operation(operation, kept)
    return status_link(request, operation)


def by_location(request: Request, kind: str, resource: Any = None) -> dict[str, str]:
    """The headers of an operation that returns 202 until it returns 200, with a resource or an empty body."""
    operation = new_name(kind)
    kept = {"resource": resource, "sandbox": {"polls": polls(request), "location": True}}
    request.resources.put_operation(operation, kept)
    namespace, location = request.id.namespace, request.cloud.definition.location
    where = f"/providers/{namespace}/locations/{location}" if namespace else ""
    base = f"{request.cloud.arm}/subscriptions/{request.id.subscription}{where}/operationResults/{operation}"
    return {"Location": f"{base}?api-version={request.version}", **FAST}


def polls(request: Request) -> int:
    """The number of polls for which a finished operation still reports that it is pending."""
    return int(request.faults.choice("polls"))


async def poll(request: Request, name: str) -> Answer:
    """The status of an operation; every response repeats its URL."""
    kept = request.resources.operation(name)
    if kept is None:
        raise AzureError("OperationNotFound", operation=name)
    state: Json = kept.get("sandbox", {})
    pending = state.get("polls", 0) > 0
    if pending:
        state["polls"] -= 1
        request.resources.put_operation(name, kept)
    url = f"{request.cloud.arm}{quote(_path(request.id))}?api-version={request.version}"
    if state.get("location"):
        return Answer(202, None, {"Location": url, **FAST}) if pending else Answer(200, kept["resource"])
    status = {"status": state["pending"]} if pending else kept
    return Answer(200, status, {"Azure-AsyncOperation": url, **FAST})


def _path(id: ResourceId) -> str:
    """The path of an operation; operations of resource groups have no namespace."""
    return str(id) if id.namespace else f"/subscriptions/{id.subscription}/{'/'.join(id.segments)}"
