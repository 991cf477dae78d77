"""Routes management requests to their resource type, after the checks that all types share."""

import re
from collections.abc import Mapping
from dataclasses import replace

from sandbox.arm import (
    authorization,
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
from sandbox.cloud.database import Json
from sandbox.cloud.running_cloud import RunningCloud
from sandbox.http import schemas
from sandbox.http.azure_errors import AzureError

TYPES: dict[str, ResourceType] = {
    kind.name.lower(): kind
    for kind in (
        *groups.TYPES,
        *registries.TYPES,
        *pipelines.TYPES,
        *storage.TYPES,
        *vaults.TYPES,
        *secrets.TYPES,
        *identities.TYPES,
        *role_assignments.TYPES,
        *insights.TYPES,
    )
}
"""All known resource types. Requests for others fail as for an unknown type in Azure."""

NAME_CHECKS: dict[str, Handler] = {
    "microsoft.storage/checknameavailability": storage.check_name,
    "microsoft.keyvault/checknameavailability": vaults.check_name,
    "microsoft.containerregistry/checknameavailability": registries.check_name,
}
"""Checks of globally unique names."""

_ENDED = {"", "succeeded", "failed", "canceled"}


async def answer(
    cloud: RunningCloud, method: str, path: str, query: Mapping[str, str], body: Json, principal: str
) -> Answer:
    """Answer a request of an authenticated principal; raises AzureError. Names in `query` are lower case."""
    version = query.get("api-version", "")
    if not version:
        raise AzureError("MissingApiVersionParameter")
    handler, id = discovery.find(cloud, method, path, TYPES)
    id = id or ResourceId.parse(path)
    if not id or id.subscription.lower() != cloud.definition.subscription:
        raise AzureError("SubscriptionNotFound", subscription=id.subscription if id else path)
    request = Request(cloud, method, id, version, principal, body, query, path=path)
    authorization.require(request, TYPES)
    if handler is None:
        return await _typed(request)
    if version not in groups.VERSIONS:
        known = ", ".join(sorted(groups.VERSIONS, reverse=True))
        raise AzureError("InvalidApiVersionParameter", version=version, known=known)
    return await handler(request)


async def _typed(request: Request) -> Answer:
    id = request.id
    if id.group and request.resources.get(ResourceId(id.subscription, id.group)) is None:
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
        await _require_parents(request)
    request = replace(request, existing=await kind.find(request))
    if request.method in ("GET", "HEAD", "PATCH") and request.existing is None:
        raise kind.missing(request)
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
    body = schemas.checked(body, kind.schema)
    if kind.needs_location and not body.get("location"):
        raise AzureError("LocationRequired")
    return await put(replace(request, body=body))


def _in_version(request: Request, kind: ResourceType, found: Answer) -> Answer:
    """The response in the requested version, with a polling interval for an unfinished resource."""
    headers = {**kind.supported(request.version), **found.headers}
    if not isinstance(found.body, dict):
        return Answer(found.status, found.body, headers)
    body = kind.shown(request, found.body)
    state = str((body.get("properties") or {}).get("provisioningState") or "").lower()
    polling = FAST if state not in _ENDED else {}
    return Answer(found.status, body, {**polling, **headers})


async def _on_collection(request: Request, kind: ResourceType) -> Answer:
    await _require_parents(request)
    found = authorization.readable(request, kind.name, await kind.list(request))
    found = [kind.shown(request, body) for body in found]
    return Answer(200, paging.page(request, found), kind.supported(request.version))


async def _require_parents(request: Request) -> None:
    """Raise AzureError unless the parents and the scope of a resource exist."""
    for parent in request.id.ancestors:
        if (kind := TYPES.get(parent.type)) and await kind.find(request.on(parent)) is None:
            error = AzureError("ParentResourceNotFound", parent=parent.full_name)
            error.status = int(request.faults.choice("missing-parent"))
            raise error
    scope = ResourceId.parse(request.id.scope) if request.id.scope else None
    if scope and (kind := TYPES.get(scope.type)):
        await _require_parents(request.on(scope))
        if await kind.find(request.on(scope)) is None:
            raise not_found(request.on(scope))


async def _act(request: Request) -> Answer:
    """Answer an action of an existing resource."""
    kind, action = _known(request, request.id.up), request.id.segments[-1].lower()
    if request.method != "POST" or action not in kind.actions:
        raise AzureError("MethodNotAllowed", method=request.method, type=request.id.type)
    target = request.on(request.id.up)
    target.existing = await kind.find(target)
    if target.existing is None:
        raise not_found(target)
    done = await kind.actions[action](target)
    return Answer(done.status, done.body, {**kind.supported(request.version), **done.headers})
