"""The bodies of resources: common fields, Azure's defaults, required fields."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Request
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError


def store(request: Request, body: Json) -> int:
    """Store a body; returns 201 for a new resource, 200 for an existing one."""
    request.resources.put(request.id, request.id.type, body)
    return 200 if request.existing is not None else 201


def store_properties(request: Request, properties: Json) -> Answer:
    """Store a resource that has only properties, and return it with status 200."""
    body = {**envelope(request), "properties": properties}
    store(request, body)
    return Answer(200, body)


def default_properties(name: str) -> Json:
    """The properties that Azure adds to a new resource."""
    found: Json = json.loads(Path(__file__).with_name("default_properties.json").read_text())[name]
    return found


def typed_name(id: ResourceId) -> str:
    """`Microsoft.Namespace/type/type` as Azure spells it in a body."""
    return "/".join((id.namespace, *id.segments[0::2]))


def envelope(request: Request) -> Json:
    """The fields that identify a resource in its body."""
    return {"id": str(request.id), "name": request.id.name, "type": typed_name(request.id)}


def tracked(request: Request) -> Json:
    """The fields of every resource with a location."""
    return {
        **envelope(request),
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
    }


def system_data(request: Request, now: str = "") -> Json:
    """The principals that created and changed a resource, with times.

    Registries write times with seven decimals and an offset, which is the default of `now`.
    """
    now = now or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"
    kind = {"createdByType": "Application", "lastModifiedByType": "Application"}
    old = (request.existing or {}).get("systemData") or {"createdBy": request.principal, "createdAt": now}
    created = {"createdBy": old["createdBy"], "createdAt": old["createdAt"]}
    return {**created, "lastModifiedBy": request.principal, "lastModifiedAt": now, **kind}


def require(request: Request, path: str) -> None:
    """Raise AzureError if a body lacks a required field."""
    found: Any = request.body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found in (None, ""):
        raise AzureError("InvalidRequestContent", reason=f"missing {path}")
