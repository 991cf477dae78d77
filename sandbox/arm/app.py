"""The management endpoint: authenticates HTTP requests and passes them to `routing`."""

import json
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.arm import discovery, routing
from sandbox.arm.resource_type import Answer
from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.running_cloud import RunningCloud
from sandbox.entra import graph, sign_in
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError, azure_error
from sandbox.http.json_response import json_response


def application(cloud: RunningCloud, clouds: Sequence[Cloud]) -> web.Application:
    """The management endpoint of one cloud, with sign-in and the metadata document of all clouds."""

    async def serve(request: web.Request) -> web.Response:
        return await _serve(cloud, request)

    app = web.Application(client_max_size=request_body.MAX_SIZE)
    app.router.add_get("/metadata/endpoints", discovery.metadata_handler(cloud, clouds))
    app.router.add_routes([*sign_in.routes(cloud), *graph.routes(cloud)])
    app.router.add_route("*", "/{path:(?s:.*)}", serve)
    return app


async def _serve(cloud: RunningCloud, request: web.Request) -> web.Response:
    sent, principal = "", ""
    try:
        sent = await request_body.text(request)
        principal = _principal(cloud, request)
        body = request_body.parsed(sent)
        query = {key.lower(): value for key, value in request.query.items()}
        answer = await routing.answer(cloud, request.method, request.path, query, body, principal)
    except Exception as error:
        refused = azure_error(error, f"{request.method} {request.path}")
        answer = Answer(refused.status, refused.body, {**_challenge(cloud, refused), **refused.headers})
    text = "" if answer.body is None else json.dumps(_public(answer.body))
    cloud.request_log.record("arm", principal, (request.method, request.path_qs, answer.status), sent, text)
    return json_response(answer.status, text, {**_common_headers(cloud, request), **answer.headers})


def _common_headers(cloud: Cloud, request: web.Request) -> dict[str, str]:
    """The time by the cloud's clock, and the IDs of a request: its own, and those sent by the client.

    https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    """
    own, sent = new_id(), request.headers
    correlation = sent.get("x-ms-correlation-request-id") or own
    now = cloud.faults.now()
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "x-ms-request-id": own,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{cloud.definition.location.upper()}:{moment}:{own}",
        "Cache-Control": "no-cache",
    }
    if sent.get("x-ms-return-client-request-id", "").lower() == "true" and "x-ms-client-request-id" in sent:
        headers["x-ms-client-request-id"] = sent["x-ms-client-request-id"]
    return headers


def _public(body: Any) -> Any:
    """A body without the sandbox's own state."""
    if isinstance(body, list):
        return [_public(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        key: _public(value) if key == "value" else value for key, value in body.items() if key != "sandbox"
    }


def _principal(cloud: Cloud, request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AzureError("AuthenticationFailed")
    return str(cloud.tokens.check(token, cloud.audience)["oid"])


def _challenge(cloud: Cloud, error: AzureError) -> dict[str, str]:
    """The header with the URL at which an unauthenticated caller signs in."""
    if error.status != 401:
        return {}
    place = f'authorization_uri="{cloud.authority}"'
    return {"WWW-Authenticate": f'Bearer {place}, error="invalid_token", error_description="{error.code}"'}
