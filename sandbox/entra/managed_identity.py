"""The managed identity endpoint of this machine: issues tokens of both clouds.

A token is the operator's, or that of the user-assigned identity named in the request. The protocol is that of
App Service, which azure-identity finds by IDENTITY_ENDPOINT and IDENTITY_HEADER
(https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
"""

import time
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.faults import injection
from sandbox.storage import blobs

_LIFETIME = 86_400


def application(clouds: Sequence[Cloud], password: str) -> web.Application:
    """The endpoint; callers must send `password` as X-IDENTITY-HEADER."""

    async def token(request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-IDENTITY-HEADER") != password:
            return _refused(401, "X-IDENTITY-HEADER is missing or wrong.")
        resource = request.query.get("resource", "").rstrip("/")
        for cloud in clouds:
            if audience := _audience(cloud, resource):
                issue = _issuer(cloud, audience)
                return await injection.serve_with_fault(
                    cloud.faults, cloud.request_log, "token", request, issue
                )
        return _refused(400, f"The resource {resource!r} does not belong to a cloud of this sandbox.")

    app = web.Application()
    app.router.add_get("/msi/token", token)
    injection.allow_cuts(app)
    return app


def _issuer(cloud: Cloud, audience: str) -> Handler:
    async def issue(request: web.Request) -> web.StreamResponse:
        ids = _principal(cloud, request)
        if not ids:
            name = cloud.definition.name
            return _refused(400, f"The user-assigned identity does not exist in the cloud {name}.")
        principal, application = ids
        cloud.request_log.record("token", principal, ("GET", request.path_qs, 200))
        body = {
            "access_token": cloud.tokens.issue(
                principal, audience, seconds=_LIFETIME, idtyp="app", appid=application
            ),
            "expires_on": str(int(time.time()) + _LIFETIME),
            "resource": audience,
            "token_type": "Bearer",
            "client_id": application,
        }
        return web.json_response(body)

    return issue


def _audience(cloud: Cloud, resource: str) -> str:
    """The audience in this cloud: management, vaults, storage or one storage account; empty if unknown.

    Both clouds share the audience of Azure Storage: the first cloud answers. An account's endpoint is unique.
    """
    for audience in (cloud.audience, cloud.definition.vault_audience, blobs.AUDIENCE):
        if audience.rstrip("/") == resource:
            return audience
    return resource if blobs.is_endpoint(cloud, resource) else ""


_NAMES = {
    "client_id": lambda body: body["properties"]["clientId"],
    "principal_id": lambda body: body["properties"]["principalId"],
    "object_id": lambda body: body["properties"]["principalId"],
    "mi_res_id": lambda body: body["id"],
}
"""Parameters that select a user-assigned identity, and the values they select by."""


def _principal(cloud: Cloud, request: web.Request) -> tuple[str, str] | None:
    """Object ID and client ID of the principal; None if the selected identity does not exist."""
    named = {key: value.lower() for key, value in request.query.items() if key in _NAMES}
    if not named:
        return cloud.definition.operator, cloud.definition.operator_application
    for body in cloud.resources.of_type(roles.IDENTITIES):
        if all(_NAMES[key](body).lower() == value for key, value in named.items()):
            return body["properties"]["principalId"], body["properties"]["clientId"]
    return None


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
