"""Blob storage as the cloud's other parts see it: addresses, the way in, and who else may enter."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobServiceClient

from sandbox.arm import roles
from sandbox.cloud import certificates
from sandbox.cloud.cloud import HOST, Cloud
from sandbox.cloud.paths import Paths
from sandbox.cloud.store import Json
from sandbox.entra.tokens import Tokens

ACCOUNTS = "Microsoft.Storage/storageAccounts"
AUDIENCE = "https://storage.azure.com"
"""What a token for blobs may be issued for, in every cloud; an account's own endpoint is the other one.

https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
"""

_ITSELF = "acr-transfer-sandbox"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_KEYS = ("key1", "key2")


def url(cloud: Cloud, account: str) -> str:
    """The account's blob endpoint; it ends with a slash, as ARM writes it."""
    return f"https://{HOST}:{cloud.azurite.port}/{account}/"


def keys(cloud: Cloud, account: Json) -> tuple[str, str]:
    """The two keys of an account, as often made anew as its stored body says."""
    made = (account.get("sandbox") or {}).get("generations") or {}
    return cloud.azurite.keys(account["name"], [made.get(name, 0) for name in _KEYS])


class Identity:
    """Tokens for blobs of one principal; by default the sandbox's own, which may do everything."""

    def __init__(self, tokens: Tokens, principal: str = _ITSELF) -> None:
        self._tokens, self._principal = tokens, principal

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token for blobs, as azure-core asks for it."""
        token = self._tokens.issue(self._principal, AUDIENCE, seconds=3600)
        return AccessToken(token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is held."""

    async def __aenter__(self) -> Identity:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def service(cloud: Cloud, account: str) -> BlobServiceClient:
    """A client of an account that may do everything; faults at storage, which are for others, let it pass."""
    return BlobServiceClient(
        url(cloud, account), Identity(cloud.tokens), transport=transport(cloud.paths), user_agent=_ITSELF
    )


def transport(paths: Paths) -> AioHttpTransport:
    """Connections for one client, used for one request after the other.

    With its option `connection_verify` azure-core makes a TLS context for each request, and aiohttp uses no
    connection of another context again: so each block would take a handshake, and some MiB until its idle
    connection ends.
    """
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(paths))
    return AioHttpTransport(session=aiohttp.ClientSession(connector=trust, auto_decompress=False))


def state(cloud: Cloud) -> Json:
    """All accounts with their keys and whom they let in, for azurite.js."""
    accounts = cloud.store.of_type(ACCOUNTS)
    rules = {body["name"]: _account(cloud, body) for body in accounts}
    for who, role, scope in roles.assignments(cloud):
        if right := _right(role):
            for body in accounts:
                _grant(rules[body["name"]]["grants"], body["id"].lower(), who, right, scope)
    trust = {"issuer": cloud.tokens.issuer, "publicKey": cloud.tokens.public_key}
    return {**trust, "accounts": rules, "faults": cloud.faults.for_storage(), "clock": cloud.faults.clock}


async def renew(cloud: Cloud) -> None:
    """Let Azurite know what has changed; it holds when this returns."""
    await cloud.azurite.renew(state(cloud))


async def renew_grants(cloud: Cloud) -> None:
    """The same after a new role assignment, and once more when the next one comes into force."""
    # Asked first: what comes into force while Azurite is being told would be in neither.
    if wait := roles.next_grant(cloud):
        cloud.spawn(asyncio.create_task(_renew_after(cloud, wait)))
    await renew(cloud)


async def _renew_after(cloud: Cloud, wait: float) -> None:
    await asyncio.sleep(wait)
    await renew_grants(cloud)


def _right(role: str) -> str:
    """What a role lets its holder do with blobs: `write`, `read`, or nothing."""
    permits = roles.definitions()[role].permits
    return next((verb for verb in ("write", "read") if permits(f"{_BLOBS}/{verb}", data=True)), "")


def _account(cloud: Cloud, body: Json) -> Json:
    properties = body["properties"]
    network = properties.get("networkAcls") or {}
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    denied = str(network.get("defaultAction") or "").lower() == "deny" and not network.get("ipRules")
    return {
        "keys": keys(cloud, body),
        "sharedKey": properties.get("allowSharedKeyAccess") is not False,
        "open": not (closed or denied),
        "audiences": [endpoint := url(cloud, body["name"]), endpoint.rstrip("/")],
        "grants": {_ITSELF: {"*": "write", "everywhere": True}},
    }


def _grant(grants: Json, account: str, who: str, right: str, scope: str) -> None:
    """Note a right on a whole account or on one container; the wider one of two wins."""
    containers = f"{account}/blobservices/default/containers/"
    if f"{account}/".startswith(f"{scope.rstrip('/')}/"):
        place = "*"
    elif scope.startswith(containers):
        place = scope.removeprefix(containers)
    else:
        return
    held = grants.setdefault(who, {})
    held[place] = "write" if "write" in (right, held.get(place)) else right
