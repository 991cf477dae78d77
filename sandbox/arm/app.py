"""The management endpoint: who may ask, what the path names, and which type answers."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from aiohttp import web

from sandbox import journal
from sandbox.arm import (
    access,
    authorization,
    groups,
    insights,
    metadata,
    pipelines,
    registries,
    storage,
    vaults,
)
from sandbox.arm.wire import FAST, Answer, Request, ResourceType, not_found
from sandbox.cloud import Cloud, group_of, new_id
from sandbox.errors import AzureError
from sandbox.ids import ResourceId

TYPES: dict[str, ResourceType] = {
    kind.name.lower(): kind
    for kind in (
        *groups.TYPES,
        *registries.TYPES,
        *pipelines.TYPES,
        *storage.TYPES,
        *vaults.TYPES,
        *access.TYPES,
        *insights.TYPES,
    )
}
"""Every resource type that this cloud knows; any other answers as Azure answers an unknown one."""

NAME_CHECKS = {
    "microsoft.storage/checknameavailability": storage.check_name,
    "microsoft.keyvault/checknameavailability": vaults.check_name,
    "microsoft.containerregistry/checknameavailability": registries.check_name,
}
"""By namespace: whether a name that is unique in all of Azure is free."""


def application(cloud: Cloud) -> web.Application:
    """The management endpoint of one cloud."""

    async def serve(request: web.Request) -> web.Response:
        return await _serve(cloud, request)

    app = web.Application(client_max_size=16 << 20)
    app.router.add_get("/metadata/endpoints", metadata.handler(cloud))
    app.router.add_route("*", "/{path:.*}", serve)
    return app


async def _serve(cloud: Cloud, request: web.Request) -> web.Response:
    sent, principal = await request.text(), ""
    try:
        principal = _principal(cloud, request)
        answer = await _answer(cloud, request, sent, principal)
    except AzureError as error:
        answer = Answer(error.status, error.body, error.headers)
    except Exception:
        logging.getLogger("sandbox").exception("%s %s", request.method, request.path)
        fault = AzureError("InternalServerError")
        answer = Answer(fault.status, fault.body)
    text = "" if answer.body is None else json.dumps(_shown(answer.body))
    journal.record(
        cloud.store, "arm", principal, (request.method, request.path_qs, answer.status), sent, text
    )
    marks = {"x-ms-request-id": new_id(), "x-ms-correlation-request-id": new_id()}
    kind = "application/json" if text else None
    return web.Response(
        status=answer.status, text=text or None, content_type=kind, headers={**marks, **answer.headers}
    )


def _shown(body: Any) -> Any:
    """A body without what the sandbox keeps in it for itself."""
    if isinstance(body, list):
        return [_shown(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        key: _shown(value) if key == "value" else value for key, value in body.items() if key != "sandbox"
    }


def _principal(cloud: Cloud, request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AzureError("AuthenticationFailed")
    return str(cloud.tokens.check(token, cloud.audience)["oid"])


async def _answer(cloud: Cloud, request: web.Request, sent: str, principal: str) -> Answer:
    version = request.query.get("api-version", "")
    if not version:
        raise AzureError("MissingApiVersionParameter")
    id = ResourceId.parse(request.path)
    if not id or id.subscription.lower() != cloud.facts.subscription:
        subscription = id.subscription if id else request.path
        raise AzureError("SubscriptionNotFound", subscription=subscription)
    asked = Request(cloud, request.method, id, version, principal, _parsed(sent), request.query)
    authorization.demand(asked, TYPES)
    return await _route(asked)


def _parsed(sent: str) -> dict[str, object]:
    try:
        body = json.loads(sent) if sent else {}
    except ValueError as error:
        raise AzureError("InvalidRequestContent", reason=str(error)) from error
    if not isinstance(body, dict):
        raise AzureError("InvalidRequestContent", reason="expected a JSON object")
    return body


async def _route(request: Request) -> Answer:
    id = request.id
    if not id.namespace:
        return await groups.route(request, TYPES)
    if "operationstatuses" in (segment.lower() for segment in id.segments):
        return _operation(request)
    if id.named:
        return await _on_resource(request, _known(request, id))
    action = id.segments[-1].lower()
    target = TYPES.get(id.up.type)
    if target and action in target.actions:
        return await _act(request, _known(request, id.up), action)
    if request.method == "GET":
        kind = _known(request, id)
        return await kind.list(request) if kind.list else _list(request, kind)
    if request.method == "POST" and id.type in NAME_CHECKS:
        return await NAME_CHECKS[id.type](request)
    raise AzureError("MethodNotAllowed", method=request.method, type=id.type)


def _known(request: Request, id: ResourceId) -> ResourceType:
    kind = TYPES.get(id.type)
    if kind and request.version in kind.versions:
        return kind
    known = f" The supported api-versions are '{', '.join(sorted(kind.versions))}'." if kind else ""
    raise AzureError(
        "NoRegisteredProviderFound",
        location=request.cloud.facts.location,
        version=request.version,
        type=id.type.partition("/")[2],
        known=known,
    )


async def _on_resource(request: Request, kind: ResourceType) -> Answer:
    if request.method == "GET":
        if request.existing is None and not kind.always:
            raise not_found(request)
        return await kind.get(request) if kind.get else Answer(200, request.existing)
    if request.method == "PUT" and kind.put:
        _check_place(request, kind)
        return await kind.put(request)
    if request.method == "DELETE" and kind.delete:
        return await kind.delete(request) if request.existing else Answer(204)
    raise AzureError("MethodNotAllowed", method=request.method, type=kind.name)


def _check_place(request: Request, kind: ResourceType) -> None:
    """The resource group and the parent must be there, the name legal, the location given."""
    if request.id.group and group_of(request.cloud, request.id) is None:
        raise AzureError("ResourceGroupNotFound", group=request.id.group)
    parent = request.id.parent
    while parent and (parent.type not in TYPES or TYPES[parent.type].always):
        parent = parent.parent
    if parent and request.cloud.store.get(parent) is None:
        raise AzureError("ParentResourceNotFound", parent=parent.full_name)
    if not re.fullmatch(kind.pattern, request.id.name):
        raise AzureError("InvalidResourceName", name=request.id.name, pattern=kind.pattern)
    if kind.needs_location and not request.body.get("location"):
        raise AzureError("LocationRequired")


async def _act(request: Request, kind: ResourceType, action: str) -> Answer:
    target = Request(
        request.cloud, request.method, request.id.up, request.version, request.principal, request.body
    )
    if target.existing is None:
        raise not_found(target)
    return await kind.actions[action](target)


def _list(request: Request, kind: ResourceType) -> Answer:
    below = f"{request.id}/" if request.id.group else f"/subscriptions/{request.id.subscription}/"
    found = request.cloud.store.of_type(kind.name, below)
    return Answer(200, {"value": authorization.readable(request, kind.name, found)})


def _operation(request: Request) -> Answer:
    name = request.id.segments[-1]
    stored = request.cloud.store.operation(name)
    if stored is None:
        raise AzureError("OperationNotFound", operation=name)
    if stored.get("location"):  # the older shape: 202 until it is done, then the resource or nothing
        return Answer(200, stored.get("resource"))
    again = f"{request.cloud.arm}{request.id}?api-version={request.version}"
    return Answer(200, stored, {"Azure-AsyncOperation": again, **FAST})
