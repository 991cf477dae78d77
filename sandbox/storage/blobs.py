"""Blob storage: account keys, clients, and the state that azurite.js enforces."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobServiceClient

from sandbox.arm import roles
from sandbox.cloud import certificates
from sandbox.cloud.cloud import ACCOUNTS, Cloud
from sandbox.cloud.database import Json
from sandbox.cloud.paths import Paths
from sandbox.entra.tokens import Tokens
from sandbox.http import ip_rules

AUDIENCE = "https://storage.azure.com"
"""An audience of tokens for blobs in every cloud; the other is the account's endpoint.

https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
"""

_ITSELF = "acr-transfer-sandbox"
SERVICE = "acr-transfer-service"
"""The user agent of the transfer service: a firewall shuts the service out, whatever its IP rules."""

SERVICES = "Microsoft.Storage/storageAccounts/blobServices"
ACTIONS = {
    **{verb: (f"{SERVICES}/containers/blobs/{verb}", True) for verb in ("read", "write", "delete")},
    "readContainer": (f"{SERVICES}/containers/read", False),
    "writeContainer": (f"{SERVICES}/containers/write", False),
    "deleteContainer": (f"{SERVICES}/containers/delete", False),
    "delegate": (f"{SERVICES}/generateUserDelegationKey/action", False),
}
"""The rights of callers with a token as azurite.js names them: the action, and whether it is a data action.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
"""

KEYS = ("key1", "key2")


def is_endpoint(cloud: Cloud, url: str) -> bool:
    """Whether a URL is the blob endpoint of an account of this cloud."""
    return url.startswith(endpoint(cloud))


def keys(cloud: Cloud, account: Json) -> tuple[str, str]:
    """The two keys of an account: base64 of 64 bytes, derived from the cloud's own secret, never stored.

    A key changes with its creation time: when it is regenerated, and when the account is created again.
    """
    created = (account.get("properties") or {}).get("keyCreationTime") or {}
    secret = cloud.tokens.secret_for("storage account keys")
    names = (f"{account['name']}/{key}/{created.get(key, '')}" for key in KEYS)
    first, second = (hmac.digest(secret, name.encode(), hashlib.sha512) for name in names)
    return base64.b64encode(first).decode(), base64.b64encode(second).decode()


class Identity:
    """A credential for blobs of one principal; by default the sandbox itself, which has all permissions."""

    def __init__(self, tokens: Tokens, principal: str = _ITSELF) -> None:
        self._tokens, self._principal = tokens, principal

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token for blobs, as azure-core requests it."""
        token = self._tokens.issue(self._principal, AUDIENCE, seconds=3600)
        return AccessToken(token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def service(cloud: Cloud, account: str) -> BlobServiceClient:
    """A client of an account with all permissions; storage faults do not apply to it."""
    return BlobServiceClient(
        cloud.blob_url(account), Identity(cloud.tokens), transport=transport(cloud.paths), user_agent=_ITSELF
    )


def transport(paths: Paths) -> AioHttpTransport:
    """Connections of one client, reused for its requests.

    With its option `connection_verify` azure-core creates a TLS context per request, and aiohttp does not
    reuse connections of another context: each block would cost a handshake and an idle connection.
    """
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(paths))
    return AioHttpTransport(session=aiohttp.ClientSession(connector=trust, auto_decompress=False))


def endpoint(cloud: Cloud) -> str:
    """The beginning of the blob endpoints of all accounts of a cloud."""
    return cloud.blob_url("").rstrip("/") + "/"


def state(cloud: Cloud, others: Sequence[str] = ()) -> Json:
    """The input of azurite.js: all accounts with their keys and permissions, and the faults of storage.

    `others`: the blob endpoints of the other clouds.
    """
    accounts = cloud.resources.of_type(ACCOUNTS)
    rules = {body["name"]: _account(cloud, body) for body in accounts}
    known = roles.known_definitions(cloud.resources)
    for principal, role, scope in roles.assignments(cloud.resources, cloud.faults):
        if rights := _rights(known[role]):
            for body in accounts:
                _grant(rules[body["name"]]["grants"], body["id"].lower(), principal, rights, scope)
    trust = {"issuer": cloud.tokens.issuer, "publicKey": cloud.tokens.public_key}
    return {
        **trust,
        "accounts": rules,
        "faults": cloud.faults.for_storage(),
        "clock": cloud.faults.clock,
        "copySource": _copy_source(cloud, others),
    }


def _copy_source(cloud: Cloud, others: Sequence[str]) -> Json:
    """From where the storage of this cloud can copy, besides from itself."""
    return {
        "urls": others if cloud.faults.choice("other-cloud") == "reachable" else (),
        "authority": str(cloud.paths.authority),
        "busyStatus": 409 if cloud.faults.choice("busy-copy-source") == "conflict" else 0,
    }


def needed_action(cloud: Cloud, account: str, container: str, right: str) -> tuple[str, str, bool]:
    """A right that azurite.js checked: the action, the resource, and whether it is a data action."""
    id = next((body["id"] for body in cloud.resources.of_type(ACCOUNTS) if body["name"] == account), account)
    action, data = ACTIONS[right]
    below = f"/blobServices/default/containers/{container}" if container and right != "delegate" else ""
    return action, f"{id}{below}", data


def _rights(role: roles.Definition) -> list[str]:
    """The rights that a role gives on blobs and containers."""
    return [right for right, (action, data) in ACTIONS.items() if role.permits(action, data=data)]


def _account(cloud: Cloud, body: Json) -> Json:
    properties = body["properties"]
    network = properties.get("networkAcls") or {}
    public = str(properties.get("publicNetworkAccess") or "").lower() != "disabled"
    denied = str(network.get("defaultAction") or "").lower() == "deny"
    return {
        "keys": keys(cloud, body),
        "sharedKey": properties.get("allowSharedKeyAccess") is not False,
        "open": public and ip_rules.admits_caller(network),
        "openToService": public and not denied,
        "audiences": [endpoint := cloud.blob_url(body["name"]), endpoint.rstrip("/")],
        "grants": {_ITSELF: {"*": [*ACTIONS], "everywhere": True}},
    }


def _grant(grants: Json, account: str, principal: str, rights: list[str], scope: str) -> None:
    """Add rights on an account or a container."""
    containers = f"{account}/blobservices/default/containers/"
    if f"{account}/".startswith(f"{scope.rstrip('/')}/"):
        place = "*"
    elif scope.startswith(containers):
        place = scope.removeprefix(containers)
    else:
        return
    held = grants.setdefault(principal, {})
    held[place] = sorted({*held.get(place, ()), *rights})
