"""What the resource providers share: requests, answers, and the marks that Azure puts on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud import Cloud, new_id
from sandbox.errors import AzureError
from sandbox.ids import ResourceId
from sandbox.store import Json

FAST = {"Retry-After": "1", "Retry-After-Ms": "100"}
"""Tells pollers to come back soon; without it a client of Azure waits ten seconds."""


@dataclass
class Request:
    """One authorised request on one resource."""

    cloud: Cloud
    method: str
    id: ResourceId
    version: str
    principal: str
    body: Json = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def existing(self) -> Json | None:
        """What is stored under the ID now."""
        return self.cloud.store.get(self.id)

    @property
    def properties(self) -> Json:
        """The `properties` of the body; an object, or empty."""
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}


@dataclass
class Answer:
    """Status, JSON body (None for an empty one) and headers beyond the common ones."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True)
class ResourceType:
    """One resource type: which versions know it, what a name may be, and who answers each verb."""

    name: str
    versions: frozenset[str]
    pattern: str
    put: Handler | None = None
    delete: Handler | None = None
    get: Handler | None = None
    list: Handler | None = None
    actions: Mapping[str, Handler] = field(default_factory=dict)
    needs_location: bool = False
    always: bool = False
    """Whether its own `get` says what is there, stored or not."""


def created(request: Request, body: Json) -> int:
    """Store a body; 201 where it is new, 200 where it was there."""
    there = request.existing is not None
    request.cloud.store.put(request.id, request.id.type, body)
    return 200 if there else 201


def system_data(request: Request, now: str = "") -> Json:
    """Who made and changed a resource, and when; registries write seven decimals and an offset."""
    now = now or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    kind = {"createdByType": "Application", "lastModifiedByType": "Application"}
    old = (request.existing or {}).get("systemData") or {"createdBy": request.principal, "createdAt": now}
    made = {"createdBy": old["createdBy"], "createdAt": old["createdAt"]}
    return {**made, "lastModifiedBy": request.principal, "lastModifiedAt": now, **kind}


def operation_url(request: Request, resource: ResourceId, kind: str) -> tuple[str, str]:
    """ID and address of a new long-running operation on a resource."""
    operation = f"{kind}-{new_id()}"
    base = f"{request.cloud.arm}{resource}/operationStatuses/{operation}"
    return operation, f"{base}?api-version={request.version}"


def typed_name(id: ResourceId) -> str:
    """`Microsoft.Namespace/type/type` as Azure spells it in a body."""
    return "/".join((id.namespace, *id.segments[0::2]))


def require(request: Request, *paths: str) -> None:
    """Refuse a body that lacks what its type requires, all at once."""
    missing = [path for path in paths if not _found(request.body, path)]
    if missing:
        raise AzureError("InvalidRequestContent", reason=f"missing {', '.join(missing)}")


def _found(body: Any, path: str) -> bool:
    for part in path.split("."):
        body = body.get(part) if isinstance(body, dict) else None
    return body not in (None, "")


def not_found(request: Request) -> AzureError:
    """What the gateway answers for a resource that is not there."""
    gateway = {"x-ms-failure-cause": "gateway"}
    name = request.id.full_name
    return AzureError("ResourceNotFound", headers=gateway, resource=name, group=request.id.group)
