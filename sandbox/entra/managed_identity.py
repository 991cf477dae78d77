"""The machine's managed identity endpoint: gives tokens of either cloud to whoever runs on this machine.

They are the operator's, or those of a user-assigned identity that the caller names.

The App Service form of it, which azure-identity finds by IDENTITY_ENDPOINT and IDENTITY_HEADER
(https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.arm import roles
from sandbox.cloud import request_log
from sandbox.cloud.cloud import Cloud
from sandbox.faults import injection
from sandbox.storage import blobs


def application(clouds: Sequence[Cloud], password: str) -> web.Application:
    """The endpoint; `password` is what callers must send as X-IDENTITY-HEADER."""

    async def token(request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-IDENTITY-HEADER") != password:
            return _refused(401, "X-IDENTITY-HEADER is missing or wrong.")
        resource = request.query.get("resource", "").rstrip("/")
        for cloud in clouds:
            if audience := _audience(cloud, resource):
                issue = _issuer(cloud, audience)
                return await injection.serve_with_fault(cloud.faults, cloud.store, "token", request, issue)
        return _refused(400, f"No cloud of this sandbox knows the resource {resource!r}.")

    app = web.Application()
    app.router.add_get("/msi/token", token)
    injection.allow_cuts(app)
    return app


def _issuer(cloud: Cloud, audience: str) -> Handler:
    async def issue(request: web.Request) -> web.StreamResponse:
        if bearer := _bearer(cloud, request):
            return _issued(cloud, bearer, audience, request)
        return _refused(400, f"No such user-assigned identity in the cloud {cloud.definition.name}.")

    return issue


def _audience(cloud: Cloud, resource: str) -> str:
    """What of this cloud is meant: management, vaults, or one storage account by its endpoint.

    The name that all of Azure's storage shares would be the first cloud's here: say the account's endpoint.
    """
    for audience in (cloud.audience, cloud.definition.vault_audience, blobs.AUDIENCE):
        if audience.rstrip("/") == resource:
            return audience
    return resource if resource.startswith(blobs.url(cloud, "").rstrip("/") + "/") else ""


_NAMES = {
    "client_id": lambda body: body["properties"]["clientId"],
    "principal_id": lambda body: body["properties"]["principalId"],
    "object_id": lambda body: body["properties"]["principalId"],
    "mi_res_id": lambda body: body["id"],
}
"""How a caller names a user-assigned identity, and what of the identity that is."""


def _bearer(cloud: Cloud, request: web.Request) -> tuple[str, str] | None:
    """Object ID and client ID of whom the token is for; None where the named identity is not there."""
    named = {key: value.lower() for key, value in request.query.items() if key in _NAMES}
    if not named:
        return cloud.definition.operator, cloud.definition.operator_application
    for body in cloud.store.of_type(roles.IDENTITIES):
        if all(_NAMES[key](body).lower() == value for key, value in named.items()):
            return body["properties"]["principalId"], body["properties"]["clientId"]
    return None


def _issued(cloud: Cloud, bearer: tuple[str, str], audience: str, request: web.Request) -> web.Response:
    principal, application = bearer
    request_log.record(cloud.store, "token", principal, ("GET", request.path_qs, 200), "", "")
    lifetime = 86_400
    body = {
        "access_token": cloud.tokens.issue(principal, audience, idtyp="app", appid=application),
        "expires_on": str(int(time.time()) + lifetime),
        "resource": audience,
        "token_type": "Bearer",
        "client_id": application,
    }
    return web.json_response(body)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
