"""What the resource providers share: requests, answers, and the marks that Azure puts on both."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

FAST = {"Retry-After": "1", "Retry-After-Ms": "100"}
"""Tells pollers to come back soon; without it a client of Azure waits ten seconds."""


@dataclass
class Request:
    """One authorised request on one resource, list or action."""

    cloud: Cloud
    method: str
    id: ResourceId
    version: str
    principal: str
    body: Json = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    existing: Json | None = None
    """What is there under the ID now, as the type's `find` tells."""

    path: str = ""
    """The path as it was asked for."""

    @property
    def properties(self) -> Json:
        """The `properties` of the body; an object, or empty."""
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}

    def on(self, id: ResourceId) -> Request:
        """The same request, on another resource."""
        return replace(self, id=id, existing=None)


@dataclass
class Answer:
    """Status, JSON body (None for an empty one) and headers beyond the common ones."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer]]


async def stored(request: Request) -> Json | None:
    """What the store holds under the ID."""
    return request.cloud.store.get(request.id)


async def stored_below(request: Request) -> list[Json]:
    """What the store holds of a type, below the collection's ID or in the whole subscription."""
    id = request.id
    below = f"{id}/" if id.group else f"/subscriptions/{id.subscription}/"
    return request.cloud.store.of_type(id.type, below)


def as_stored(_: Request, body: Json) -> Json:
    """A body that every version shows alike."""
    return body


@dataclass(frozen=True)
class ResourceType:
    """One resource type: which versions know it, what a name and a body may be, and who answers."""

    name: str
    versions: frozenset[str]
    pattern: str
    shape: Json = field(default_factory=dict)
    """The JSON schema of a PUT's body (see `shapes`)."""

    put: Handler | None = None
    delete: Handler | None = None
    patch: bool = False
    """Whether PATCH is known: it is a PUT of what is there with what was sent merged into it."""

    find: Callable[[Request], Awaitable[Json | None]] = stored
    """What is there under one ID."""

    list: Callable[[Request], Awaitable[list[Json]]] = stored_below
    """What a collection holds."""

    shown: Callable[[Request, Json], Json] = as_stored
    """A body as the version asked for shows it."""

    actions: Mapping[str, Handler] = field(default_factory=dict)
    needs_location: bool = False
    families: tuple[frozenset[str], ...] = ()
    """The sets of versions, one of which `api-supported-versions` names; empty where Azure sends no such."""

    def supported(self, version: str) -> dict[str, str]:
        """The header that names all versions of the same family."""
        if not self.families:
            return {}
        family = next((each for each in self.families if version in each), {version})
        return {"api-supported-versions": ", ".join(sorted(family))}


def created(request: Request, body: Json) -> int:
    """Store a body; 201 where it is new, 200 where it was there."""
    request.cloud.store.put(request.id, request.id.type, body)
    return 200 if request.existing is not None else 201


def system_data(request: Request, now: str = "") -> Json:
    """Who made and changed a resource, and when; registries write seven decimals and an offset."""
    now = now or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    kind = {"createdByType": "Application", "lastModifiedByType": "Application"}
    old = (request.existing or {}).get("systemData") or {"createdBy": request.principal, "createdAt": now}
    made = {"createdBy": old["createdBy"], "createdAt": old["createdAt"]}
    return {**made, "lastModifiedBy": request.principal, "lastModifiedAt": now, **kind}


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


def name_check(check: Callable[[Request, str], tuple[str, str] | None]) -> Handler:
    """An action `checkNameAvailability`: always 200, with reason and message where `check` has any."""

    async def answer(request: Request) -> Answer:
        refused = check(request, str(request.body.get("name") or ""))
        if refused is None:
            return Answer(200, {"nameAvailable": True})
        reason, message = refused
        return Answer(200, {"nameAvailable": False, "reason": reason, "message": message})

    return answer


def named_in(request: Request, type: str, name: str) -> bool:
    """Whether a resource of this type has this name, whatever its case and place."""
    return name.lower() in {str(body["name"]).lower() for body in request.cloud.store.of_type(type)}


def matches(pattern: str, name: str) -> bool:
    """Whether a whole name fits."""
    return re.fullmatch(pattern, name) is not None


def not_found(request: Request) -> AzureError:
    """What the gateway answers for a resource that is not there."""
    gateway = {"x-ms-failure-cause": "gateway"}
    name = request.id.full_name
    return AzureError("ResourceNotFound", headers=gateway, resource=name, group=request.id.group)
