"""The one question to Azure Resource Manager that a plan has: where a registry answers.

It is asked before the first `pulumi up`, when a stack has its configuration but no outputs yet.
"""

from __future__ import annotations

import json
import ssl

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential

from transfer.clouds import Cloud
from transfer.errors import AccessError, MissingError, ServiceError, explained, host

_API_VERSION = "2023-07-01"
_PATIENCE = aiohttp.ClientTimeout(total=60)


async def login_server(registry_id: str, cloud: Cloud, login: AsyncTokenCredential) -> str:
    """The login server of a registry, by its resource ID.

    Raises `MissingError` if it is not there, `AccessError` if the caller may not look at it (Reader can).
    https://learn.microsoft.com/rest/api/container-registry/registries/get
    """
    where = host(cloud.resource_manager)
    with explained("signing in", where):
        token = await login.get_token(cloud.scope)
    url = f"{cloud.resource_manager.rstrip('/')}{registry_id}?api-version={_API_VERSION}"
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_PATIENCE, trust_env=True) as session,
            session.get(url, headers={"Authorization": f"Bearer {token.token}"}) as answer,
        ):
            return _named(answer.status, await answer.read(), registry_id, where)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServiceError(f"{where}: no answer ({type(error).__name__})") from None


def _named(status: int, content: bytes, registry_id: str, where: str) -> str:
    if status in (401, 403):
        raise AccessError(f"looking at {registry_id} at {where}: refused (HTTP {status}). Reader is enough.")
    if status == 404:
        raise MissingError(f"{registry_id} is not there: see acr-transfer:registry, registryResourceGroup")
    try:
        found = json.loads(content)["properties"]["loginServer"]
    except (ValueError, KeyError, TypeError):
        raise ServiceError(
            f"{where} answers HTTP {status} without the login server of {registry_id}"
        ) from None
    return str(found)
