"""From a path to the resource type that answers: what is there, who may be asked, in which version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.arm import (
    authorization,
    containers,
    discovery,
    groups,
    identities,
    insights,
    operations,
    paging,
    pipelines,
    registries,
    role_assignments,
    secrets,
    storage,
    vaults,
)
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import FAST, Answer, Handler, Request, ResourceType, not_found
from sandbox.cloud.cloud import Cloud, group_of
from sandbox.cloud.store import Json
from sandbox.http import schemas
from sandbox.http.azure_errors import AzureError

TYPES: dict[str, ResourceType] = {
    kind.name.lower(): kind
    for kind in (
        *groups.TYPES,
        *registries.TYPES,
        *pipelines.TYPES,
        *storage.TYPES,
        *containers.TYPES,
        *vaults.TYPES,
        *secrets.TYPES,
        *identities.TYPES,
        *role_assignments.TYPES,
        *insights.TYPES,
    )
}
"""Every resource type that this cloud knows; any other answers as Azure answers an unknown one."""

NAME_CHECKS: dict[str, Handler] = {
    "microsoft.storage/checknameavailability": storage.check_name,
    "microsoft.keyvault/checknameavailability": vaults.check_name,
    "microsoft.containerregistry/checknameavailability": registries.check_name,
}
"""By namespace: whether a name that is unique in all of Azure is free."""

_ENDED = {"", "succeeded", "failed", "canceled"}


@dataclass(frozen=True)
class Asked:
    """A request as HTTP brought it, by one who has proved who they are."""

    method: str
    path: str
    query: Mapping[str, str]
    """Names are lower case."""

    body: Json
    principal: str


async def answer(cloud: Cloud, asked: Asked) -> Answer:
    """What the cloud says to a request; `AzureError` where it refuses."""
    version = asked.query.get("api-version", "")
    if not version:
        raise AzureError("MissingApiVersionParameter")
    handler, id = discovery.find(cloud, asked.method, asked.path, TYPES)
    id = id or ResourceId.parse(asked.path)
    if not id or id.subscription.lower() != cloud.definition.subscription:
        raise AzureError("SubscriptionNotFound", subscription=id.subscription if id else asked.path)
    request = Request(
        cloud, asked.method, id, version, asked.principal, asked.body, asked.query, path=asked.path
    )
    authorization.demand(request, TYPES)
    if handler is None:
        return await _typed(request)
    if version not in groups.VERSIONS:
        known = ", ".join(sorted(groups.VERSIONS, reverse=True))
        raise AzureError("InvalidApiVersionParameter", version=version, known=known)
    return await handler(request)


async def _typed(request: Request) -> Answer:
    id = request.id
    if id.group and group_of(request.cloud, id) is None:
        raise AzureError("ResourceGroupNotFound", group=id.group)
    if len(id.segments) > 1 and id.segments[-2].lower() in operations.PATHS:
        done = await operations.poll(request, id.name)
        kind = TYPES.get(id.up.up.type)
        return replace(done, headers={**(kind.supported(request.version) if kind else {}), **done.headers})
    if id.named:
        return await _on_resource(request, _known(request, id))
    if request.method == "GET":
        return await _on_collection(request, _known(request, id))
    if request.method == "POST" and id.type in NAME_CHECKS:
        return await NAME_CHECKS[id.type](request)
    return await _act(request)


def _known(request: Request, id: ResourceId) -> ResourceType:
    kind = TYPES.get(id.type)
    if kind and request.version in kind.versions:
        return kind
    namespace, _, type = id.type.partition("/")
    if kind:
        known = f" The supported api-versions are '{', '.join(sorted(kind.versions))}'."
        where, version = request.cloud.definition.location, request.version
        raise AzureError("NoRegisteredProviderFound", location=where, version=version, type=type, known=known)
    if any(each.startswith(f"{namespace}/") for each in TYPES):
        raise AzureError("InvalidResourceType", type=type, namespace=id.namespace, version=request.version)
    raise AzureError("InvalidResourceNamespace", namespace=id.namespace)


async def _on_resource(request: Request, kind: ResourceType) -> Answer:
    if request.method != "DELETE":
        await _check_above(request)
    request = replace(request, existing=await kind.find(request))
    if request.method in ("GET", "HEAD", "PATCH") and request.existing is None:
        raise not_found(request)
    if request.method == "HEAD":
        return Answer(204)
    if request.method == "DELETE" and kind.delete:
        found = await kind.delete(request) if request.existing else Answer(204)
    elif request.method == "GET":
        found = Answer(200, request.existing)
    elif kind.put and (request.method == "PUT" or (request.method == "PATCH" and kind.patch)):
        found = await _put(request, kind, kind.put)
    else:
        raise AzureError("MethodNotAllowed", method=request.method, type=kind.name)
    return _in_version(request, kind, found)


async def _put(request: Request, kind: ResourceType, put: Handler) -> Answer:
    if not re.fullmatch(kind.pattern, request.id.name):
        raise AzureError("InvalidResourceName", name=request.id.name, pattern=kind.pattern)
    body = request.body
    if request.method == "PATCH":
        known = {key: value for key, value in (request.existing or {}).items() if key != "sandbox"}
        body = schemas.merged(known, body)
        body |= {"tags": request.body["tags"]} if request.body.get("tags") else {}
    body = schemas.checked(body, kind.shape)
    if kind.needs_location and not body.get("location"):
        raise AzureError("LocationRequired")
    return await put(replace(request, body=body))


def _in_version(request: Request, kind: ResourceType, found: Answer) -> Answer:
    """The body as the version shows it, and when to look again where it is not finished."""
    headers = {**kind.supported(request.version), **found.headers}
    if not isinstance(found.body, dict):
        return Answer(found.status, found.body, headers)
    body = kind.shown(request, found.body)
    state = str((body.get("properties") or {}).get("provisioningState") or "").lower()
    again = FAST if state not in _ENDED else {}
    return Answer(found.status, body, {**again, **headers})


async def _on_collection(request: Request, kind: ResourceType) -> Answer:
    await _check_above(request)
    found = authorization.readable(request, kind.name, await kind.list(request))
    found = [kind.shown(request, body) for body in found]
    return Answer(200, paging.page(request, found), kind.supported(request.version))


async def _check_above(request: Request) -> None:
    """What a resource is part of must be there, and what it is put on."""
    for above in request.id.ancestors:
        if (kind := TYPES.get(above.type)) and await kind.find(request.on(above)) is None:
            error = AzureError("ParentResourceNotFound", parent=above.full_name)
            error.status = int(request.cloud.faults.choice("missing-parent"))
            raise error
    scope = ResourceId.parse(request.id.scope) if request.id.scope else None
    if scope and (kind := TYPES.get(scope.type)):
        await _check_above(request.on(scope))
        if await kind.find(request.on(scope)) is None:
            raise not_found(request.on(scope))


async def _act(request: Request) -> Answer:
    """An action of a resource that is there."""
    kind, action = _known(request, request.id.up), request.id.segments[-1].lower()
    if request.method != "POST" or action not in kind.actions:
        raise AzureError("MethodNotAllowed", method=request.method, type=request.id.type)
    target = request.on(request.id.up)
    target.existing = await kind.find(target)
    if target.existing is None:
        raise not_found(target)
    done = await kind.actions[action](target)
    return Answer(done.status, done.body, {**kind.supported(request.version), **done.headers})
