"""The machine's managed identity endpoint: gives tokens of either cloud to whoever runs on this machine.

The App Service form of it, which azure-identity finds by IDENTITY_ENDPOINT and IDENTITY_HEADER
(https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiohttp import web

from sandbox import blobs, journal
from sandbox.cloud import Cloud


def application(clouds: Sequence[Cloud], password: str) -> web.Application:
    """The endpoint; `password` is what callers must send as X-IDENTITY-HEADER."""

    async def token(request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != password:
            return _refused(401, "X-IDENTITY-HEADER is missing or wrong.")
        resource = request.query.get("resource", "").rstrip("/")
        for cloud in clouds:
            if audience := _audience(cloud, resource):
                return _issued(cloud, audience, request)
        return _refused(400, f"No cloud of this sandbox knows the resource {resource!r}.")

    app = web.Application()
    app.router.add_get("/msi/token", token)
    return app


def _audience(cloud: Cloud, resource: str) -> str:
    """What of this cloud is meant: management, vaults, or one storage account by its endpoint.

    The name that all of Azure's storage shares would be the first cloud's here: say the account's endpoint.
    """
    for audience in (cloud.audience, cloud.facts.vault_audience, blobs.AUDIENCE):
        if audience.rstrip("/") == resource:
            return audience
    return resource if resource.startswith(blobs.url(cloud, "").rstrip("/") + "/") else ""


def _issued(cloud: Cloud, audience: str, request: web.Request) -> web.Response:
    journal.record(cloud.store, "token", cloud.facts.operator, ("GET", request.path_qs, 200), "", "")
    lifetime = 86_400
    body = {
        "access_token": cloud.operator_token(audience),
        "expires_on": str(int(time.time()) + lifetime),
        "resource": audience,
        "token_type": "Bearer",
        "client_id": cloud.facts.operator_application,
    }
    return web.json_response(body)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
