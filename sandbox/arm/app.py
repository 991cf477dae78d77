"""The management endpoint: HTTP in, HTTP out. Who asks is settled here; what is asked, in `routing`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.arm import metadata, routing
from sandbox.arm.resource_type import Answer
from sandbox.cloud import request_log
from sandbox.cloud.cloud import Cloud, new_id
from sandbox.entra import graph, sign_in
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError


def application(cloud: Cloud) -> web.Application:
    """The management endpoint of one cloud, with the metadata and the sign-in that lead to it."""

    async def serve(request: web.Request) -> web.Response:
        return await _serve(cloud, request)

    app = web.Application(client_max_size=request_body.LONGEST)
    app.router.add_get("/metadata/endpoints", metadata.handler(cloud))
    app.router.add_routes([*sign_in.routes(cloud), *graph.routes(cloud)])
    app.router.add_route("*", "/{path:(?s:.*)}", serve)
    return app


async def _serve(cloud: Cloud, request: web.Request) -> web.Response:
    sent, principal = "", ""
    try:
        sent = await request_body.text(request)
        principal = _principal(cloud, request)
        query = {key.lower(): value for key, value in request.query.items()}
        asked = routing.Asked(request.method, request.path, query, request_body.parsed(sent), principal)
        answer = await routing.answer(cloud, asked)
    except AzureError as error:
        answer = Answer(error.status, error.body, {**_challenge(cloud, error), **error.headers})
    except Exception:
        logging.getLogger("sandbox").exception("%s %s", request.method, request.path)
        fault = AzureError("InternalServerError")
        answer = Answer(fault.status, fault.body)
    text = "" if answer.body is None else json.dumps(_shown(answer.body))
    request_log.record(
        cloud.store, "arm", principal, (request.method, request.path_qs, answer.status), sent, text
    )
    kind = "application/json" if text else None
    marks = _marks(cloud, request)
    return web.Response(
        status=answer.status, text=text or None, content_type=kind, headers={**marks, **answer.headers}
    )


def _marks(cloud: Cloud, request: web.Request) -> dict[str, str]:
    """The IDs of an exchange: its own, and those that the client gave it.

    https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    """
    own, sent = new_id(), request.headers
    correlation = sent.get("x-ms-correlation-request-id") or own
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    marks = {
        "x-ms-request-id": own,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{cloud.definition.location.upper()}:{moment}:{own}",
        "Cache-Control": "no-cache",
    }
    if sent.get("x-ms-return-client-request-id", "").lower() == "true" and "x-ms-client-request-id" in sent:
        marks["x-ms-client-request-id"] = sent["x-ms-client-request-id"]
    return marks


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


def _challenge(cloud: Cloud, error: AzureError) -> dict[str, str]:
    """Where a caller whom nobody knows can sign in."""
    if error.status != 401:
        return {}
    place = f'authorization_uri="{cloud.authority}"'
    return {"WWW-Authenticate": f'Bearer {place}, error="invalid_token", error_description="{error.code}"'}
