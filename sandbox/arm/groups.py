"""Microsoft.Resources: resource groups."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.arm import authorization, operations, paging
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Request, ResourceType, matches
from sandbox.cloud.store import Json
from sandbox.http import schemas
from sandbox.http.azure_errors import AzureError

TYPE = "Microsoft.Resources/resourceGroups"
_NAME = r"[\w().-]{0,89}[\w()-]"
_SHAPE = schemas.resource(managedBy=schemas.TEXT)


async def put(request: Request) -> Answer:
    """Create or update a group; its place is for good."""
    body, existing = schemas.checked(request.body, _SHAPE), request.cloud.store.get(request.id)
    if not matches(_NAME, request.id.group):
        raise AzureError("InvalidResourceName", name=request.id.group, pattern=_NAME)
    if not body.get("location"):
        raise AzureError("LocationRequired")
    if existing and _plain(existing["location"]) != _plain(body["location"]):
        asked, there = str(body["location"]), str(existing["location"])
        raise AzureError("InvalidResourceGroupLocation", location=asked, existing=there)
    _store(request, body, existing)
    return Answer(200 if existing else 201, _there(request))


async def patch(request: Request) -> Answer:
    """New tags."""
    existing = _there(request)
    _store(request, {**existing, **schemas.checked(request.body, _SHAPE)}, existing)
    return Answer(200, _there(request))


async def get(request: Request) -> Answer:
    """One group."""
    return Answer(200, _there(request))


async def head(request: Request) -> Answer:
    """Whether it is there."""
    _there(request)
    return Answer(204)


async def list_groups(request: Request) -> Answer:
    """All groups."""
    found = authorization.readable(request, authorization.GROUPS, request.cloud.store.of_type(TYPE))
    return Answer(200, paging.page(request, found))


async def delete(request: Request, types: Mapping[str, ResourceType]) -> Answer:
    """A group goes with everything in it, as on Azure; what is part of another goes with that."""
    _there(request)
    for inside in sorted(request.cloud.store.get_below(request.id), key=len):
        id = ResourceId.parse(inside)
        kind = types.get(id.type) if id else None
        existing = request.cloud.store.get(id) if id else None
        if id and existing:
            gone = Request(request.cloud, "DELETE", id, request.version, request.principal, existing=existing)
            if kind and kind.delete:
                await kind.delete(gone)
            request.cloud.store.remove(id)
    request.cloud.store.remove(request.id)
    return Answer(202, None, operations.by_location(request, "delete"))


def _there(request: Request) -> Json:
    existing = request.cloud.store.get(request.id)
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
    request.cloud.store.put(request.id, TYPE, whole)


def _plain(location: object) -> str:
    """A location's short name: `West Europe` and `westeurope` are one."""
    return str(location).replace(" ", "").lower()


VERSIONS = frozenset(
    {
        *("2014-04-01", "2016-06-01", "2018-06-01", "2019-06-01", "2019-11-01", "2019-07-01", "2019-08-01"),
        *("2015-11-01", "2016-09-01", "2017-05-10", "2018-05-01", "2019-05-01", "2019-05-10", "2019-10-01"),
        *("2020-01-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01"),
        *("2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"),
    }
)
"""Of all that Microsoft.Resources answers: groups, lists of resources, subscriptions, tenants, providers."""

TYPES = (ResourceType(TYPE, VERSIONS, _NAME),)
