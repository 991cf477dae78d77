"""Requests, answers and resource types: the base of all resource providers."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.cloud.running_cloud import RunningCloud
from sandbox.faults.state import Faults
from sandbox.http.azure_errors import AzureError

_VERSIONS: Json = json.loads(Path(__file__).with_name("api_versions.json").read_text())
_SCHEMAS: Json = json.loads(Path(__file__).with_name("request_schemas.json").read_text())

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


def request_schema(type: str) -> Json:
    """The JSON schema of a PUT's body (see sandbox/http/schemas.py); it accepts anything for other types."""
    schema: Json = _SCHEMAS.get(type, {})
    return schema


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


def not_found(request: Request) -> AzureError:
    """The error for a resource that does not exist."""
    gateway = {"x-ms-failure-cause": "gateway"}
    name = request.id.full_name
    return AzureError("ResourceNotFound", headers=gateway, resource=name, group=request.id.group)


@dataclass(frozen=True)
class ResourceType:
    """One resource type: its versions, the rules for names and bodies, and its handlers."""

    name: str
    versions: frozenset[str]
    pattern: str
    put: Handler | None = None
    delete: Handler | None = None
    patch: bool = False
    """Whether PATCH is supported: a PUT of the existing body merged with the request's."""

    find: Callable[[Request], Awaitable[Json | None]] = stored
    """Returns the resource of an ID."""

    missing: Callable[[Request], AzureError] = not_found
    """Returns the error for an ID without a resource."""

    list: Callable[[Request], Awaitable[list[Json]]] = stored_below
    """Returns the resources of a collection."""

    shown: Callable[[Request, Json], Json] = as_stored
    """Returns a body as the requested version shows it."""

    actions: Mapping[str, Handler] = field(default_factory=dict)
    needs_location: bool = False
    families: tuple[frozenset[str], ...] = ()
    """Sets of versions for the header `api-supported-versions`; empty if Azure does not send it."""

    @property
    def schema(self) -> Json:
        """The JSON schema of a PUT's body."""
        return request_schema(self.name)

    def supported(self, version: str) -> dict[str, str]:
        """The header with all versions of the same family."""
        if not self.families:
            return {}
        family = next((each for each in self.families if version in each), {version})
        return {"api-supported-versions": ", ".join(sorted(family))}


def name_check(pattern: str, invalid: tuple[str, str], taken: str, *types: str) -> Handler:
    """The action `checkNameAvailability`: always 200, with the reason if a name is invalid or in use.

    `invalid` has the reason and message for an invalid name, `taken` the message for the name of a resource
    of these types.
    """

    async def answer(request: Request) -> Answer:
        name = str(request.body.get("name") or "")
        reason, message = "AlreadyExists", taken
        if not matches(pattern, name):
            reason, message = invalid
        elif not is_taken(request, name, *types):
            return Answer(200, {"nameAvailable": True})
        return Answer(200, {"nameAvailable": False, "reason": reason, "message": message.format(name=name)})

    return answer


def is_taken(request: Request, name: str, *types: str) -> bool:
    """Whether a resource of these types has a name, in any case and resource group."""
    return any(
        name.lower() == body["name"].lower() for type in types for body in request.resources.of_type(type)
    )


def matches(pattern: str, name: str) -> bool:
    """Whether a whole name matches a pattern."""
    return re.fullmatch(pattern, name) is not None
