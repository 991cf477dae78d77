"""Requests, answers and resource types: the base of all resource providers."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.cloud.running_cloud import RunningCloud
from sandbox.faults.state import Faults
from sandbox.http.azure_errors import AzureError

_VERSIONS: Json = json.loads(Path(__file__).with_name("api_versions.json").read_text())

FAST = {"Retry-After": "1", "Retry-After-Ms": "100"}
"""Headers that make clients poll soon; without them Azure's clients wait ten seconds."""


@dataclass
class Request:
    """One authorized request for a resource, a list or an action."""

    cloud: RunningCloud
    method: str
    id: ResourceId
    version: str
    principal: str
    body: Json = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    existing: Json | None = None
    """The existing resource, from the type's `find`."""

    path: str = ""
    """The path of the HTTP request."""

    @property
    def resources(self) -> Resources:
        """The cloud's resources."""
        return self.cloud.resources

    @property
    def faults(self) -> Faults:
        """The cloud's faults and chosen answers to open questions."""
        return self.cloud.faults

    @property
    def properties(self) -> Json:
        """The `properties` of the body; empty if absent."""
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}

    def on(self, id: ResourceId) -> Request:
        """The same request for another resource."""
        return replace(self, id=id, existing=None)


@dataclass
class Answer:
    """A response: status, JSON body (None if empty) and additional headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def api_versions(name: str) -> frozenset[str]:
    """The API versions that Azure supports for a group of resource types."""
    return frozenset(_VERSIONS[name])


def default_properties(name: str) -> Json:
    """The properties that Azure adds to a new resource."""
    found: Json = json.loads(Path(__file__).with_name("default_properties.json").read_text())[name]
    return found


Handler = Callable[[Request], Awaitable[Answer]]


async def stored(request: Request) -> Json | None:
    """The stored resource."""
    return request.resources.get(request.id)


async def stored_below(request: Request) -> list[Json]:
    """The stored resources of a type, in the collection or in the whole subscription."""
    id = request.id
    below = f"{id}/" if id.group else f"/subscriptions/{id.subscription}/"
    return request.resources.of_type(id.type, below)


async def delete_stored(request: Request) -> Answer:
    """Delete the stored resource and all resources below it."""
    request.resources.remove(request.id)
    return Answer(200)


def as_stored(_: Request, body: Json) -> Json:
    """The stored body, which every version returns unchanged."""
    return body


@dataclass(frozen=True)
class ResourceType:
    """One resource type: its versions, the rules for names and bodies, and its handlers."""

    name: str
    versions: frozenset[str]
    pattern: str
    schema: Json = field(default_factory=dict)
    """The JSON schema of a PUT's body (see sandbox/http/schemas.py)."""

    put: Handler | None = None
    delete: Handler | None = None
    patch: bool = False
    """Whether PATCH is supported: a PUT of the existing body merged with the request's."""

    find: Callable[[Request], Awaitable[Json | None]] = stored
    """Returns the resource of an ID."""

    list: Callable[[Request], Awaitable[list[Json]]] = stored_below
    """Returns the resources of a collection."""

    shown: Callable[[Request, Json], Json] = as_stored
    """Returns a body as the requested version shows it."""

    actions: Mapping[str, Handler] = field(default_factory=dict)
    needs_location: bool = False
    families: tuple[frozenset[str], ...] = ()
    """Sets of versions for the header `api-supported-versions`; empty if Azure does not send it."""

    def supported(self, version: str) -> dict[str, str]:
        """The header with all versions of the same family."""
        if not self.families:
            return {}
        family = next((each for each in self.families if version in each), {version})
        return {"api-supported-versions": ", ".join(sorted(family))}


def stored_status(request: Request, body: Json) -> int:
    """Store a body; returns 201 for a new resource, 200 for an existing one."""
    request.resources.put(request.id, request.id.type, body)
    return 200 if request.existing is not None else 201


def system_data(request: Request, now: str = "") -> Json:
    """Who created and changed a resource, and when; registries write seven decimals and an offset."""
    now = now or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    kind = {"createdByType": "Application", "lastModifiedByType": "Application"}
    old = (request.existing or {}).get("systemData") or {"createdBy": request.principal, "createdAt": now}
    created = {"createdBy": old["createdBy"], "createdAt": old["createdAt"]}
    return {**created, "lastModifiedBy": request.principal, "lastModifiedAt": now, **kind}


def typed_name(id: ResourceId) -> str:
    """`Microsoft.Namespace/type/type` as Azure spells it in a body."""
    return "/".join((id.namespace, *id.segments[0::2]))


def envelope(request: Request) -> Json:
    """The fields that identify a resource in its body."""
    return {"id": str(request.id), "name": request.id.name, "type": typed_name(request.id)}


def require(request: Request, *paths: str) -> None:
    """Raise one AzureError with all required fields that a body lacks."""
    missing = [path for path in paths if not _found(request.body, path)]
    if missing:
        raise AzureError("InvalidRequestContent", reason=f"missing {', '.join(missing)}")


def _found(body: Any, path: str) -> bool:
    for part in path.split("."):
        body = body.get(part) if isinstance(body, dict) else None
    return body not in (None, "")


def name_check(check: Callable[[Request, str], tuple[str, str] | None]) -> Handler:
    """The action `checkNameAvailability`: always 200, with the reason and message that `check` returns."""

    async def answer(request: Request) -> Answer:
        refused = check(request, str(request.body.get("name") or ""))
        if refused is None:
            return Answer(200, {"nameAvailable": True})
        reason, message = refused
        return Answer(200, {"nameAvailable": False, "reason": reason, "message": message})

    return answer


def is_taken(request: Request, type: str, name: str) -> bool:
    """Whether a resource of a type has a name, in any case and resource group."""
    return name.lower() in {str(body["name"]).lower() for body in request.resources.of_type(type)}


def matches(pattern: str, name: str) -> bool:
    """Whether a whole name matches a pattern."""
    return re.fullmatch(pattern, name) is not None


def not_found(request: Request) -> AzureError:
    """The error for a resource that does not exist."""
    gateway = {"x-ms-failure-cause": "gateway"}
    name = request.id.full_name
    return AzureError("ResourceNotFound", headers=gateway, resource=name, group=request.id.group)
