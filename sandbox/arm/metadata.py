"""The cloud metadata endpoint: where a tool learns all other endpoints of a cloud."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.cloud.cloud import HOST, REGISTRY_HOST, Cloud
from sandbox.cloud.store import Json

_LISTING = "2020-06-01"
"""Versions up to this one answer a list of clouds, later ones one cloud."""


def handler(cloud: Cloud) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Answers `GET /metadata/endpoints`, which needs no token."""

    async def endpoints(request: web.Request) -> web.Response:
        if request.query.get("api-version", "") <= _LISTING:
            return web.json_response([document(each) for each in cloud.neighbours])
        return web.json_response(document(cloud))

    return endpoints


def document(cloud: Cloud) -> Json:
    """One cloud's endpoints, in the keys of Azure's own document."""
    return {
        "name": cloud.definition.name,
        "resourceManager": cloud.audience,
        "authentication": {
            "loginEndpoint": cloud.audience,
            "audiences": [cloud.audience],
            "tenant": cloud.definition.tenant,
            "identityProvider": "AAD",
        },
        "suffixes": {
            "storage": f"{HOST}:{cloud.azurite.port}",
            "keyVaultDns": HOST,
            "acrLoginServer": REGISTRY_HOST,
        },
        "microsoftGraphResourceId": cloud.audience,
        "vaultAudience": cloud.definition.vault_audience,
    }
