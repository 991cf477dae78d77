"""Key Vault's own door: secrets, for whom an access policy lets in.

https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from __future__ import annotations

import json
import time
from ipaddress import ip_address, ip_network

from aiohttp import web

from sandbox import journal, roles
from sandbox.cloud import Cloud, new_id
from sandbox.errors import AzureError
from sandbox.store import Json

_VAULTS = "Microsoft.KeyVault/vaults"


async def open_vault(cloud: Cloud, name: str) -> None:
    """Serve a vault on a port of its own: a vault's name is its host in Azure."""
    door = f"vault/{name.lower()}"

    async def serve(request: web.Request) -> web.Response:
        return await _serve(cloud, name, request)

    app = web.Application()
    app.router.add_route("*", "/secrets/{secret}", serve)
    app.router.add_route("GET", "/secrets/{secret}/{version}", serve)
    app.router.add_route("GET", "/secrets/{secret}/", serve)
    await cloud.open(door, app, cloud.ports.of(door))


def store_secret(cloud: Cloud, vault: str, name: str, value: str, properties: Json, tags: Json) -> str:
    """A new version of a secret, made by either door; the answer is the version's name."""
    version = new_id().replace("-", "")
    cloud.store.add_secret(
        vault, name, version, value, {**properties, "tags": tags, "made": int(time.time())}
    )
    return version


async def _serve(cloud: Cloud, vault: str, request: web.Request) -> web.Response:
    sent, principal, headers = await request.text(), "", {}
    try:
        claims = _claims(cloud, request)
        principal = str(claims["oid"])
        _refuse_outsiders(cloud, vault, claims)
        body = _answer(cloud, vault, request, principal, sent)
        status = 200
    except AzureError as error:
        status, body, headers = error.status, error.body, error.headers
    text = json.dumps(body)
    exchange = (request.method, f"{request.host}{request.path_qs}", status)
    journal.record(cloud.store, "vault", principal, exchange, sent, text)
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _claims(cloud: Cloud, request: web.Request) -> Json:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        login = f"{cloud.arm}/{cloud.facts.tenant}"
        challenge = f'Bearer authorization="{login}", resource="{cloud.facts.vault_audience}"'
        raise AzureError("Unauthorized", headers={"WWW-Authenticate": challenge})
    return cloud.tokens.check(token, cloud.facts.vault_audience)


def _refuse_outsiders(cloud: Cloud, vault: str, claims: Json) -> None:
    """A closed network lets in its IP rules and, where it says so, trusted services; ACR Transfer is one.

    https://learn.microsoft.com/azure/key-vault/general/network-security
    """
    properties = _body(cloud, vault)["properties"]
    rules = properties.get("networkAcls") or {}
    bypass = str(rules.get("bypass") or "AzureServices").lower() == "azureservices"
    if claims.get("trusted_service") and bypass:
        return
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    denied = str(rules.get("defaultAction") or "").lower() == "deny"
    if closed or (denied and not any(_is_here(rule["value"]) for rule in rules.get("ipRules") or [])):
        raise AzureError("ForbiddenByFirewall", caller=claims["oid"], vault=vault)


def _is_here(rule: str) -> bool:
    """Whether an IP rule lets in this machine, from where everybody calls."""
    return ip_address("127.0.0.1") in ip_network(rule, strict=False)


def _body(cloud: Cloud, vault: str) -> Json:
    named = (each for each in cloud.store.of_type(_VAULTS) if each["name"].lower() == vault.lower())
    return next(named)


def _answer(cloud: Cloud, vault: str, request: web.Request, principal: str, sent: str) -> Json:
    name, version = request.match_info["secret"], request.match_info.get("version", "")
    right = {"GET": "get", "PUT": "set", "DELETE": "delete"}.get(request.method, request.method.lower())
    _demand(cloud, vault, name, principal, right)
    if right == "set":
        given = json.loads(sent)
        version = store_secret(cloud, vault, name, given["value"], {}, given.get("tags") or {})
    found = cloud.store.secret(vault, name, version)
    if found is None:
        raise AzureError("SecretNotFound", name=name)
    if right == "delete":
        cloud.store.delete_secret(vault, name)
    return _shown(request, name, found, with_value=right != "delete")


_ACTIONS = {"get": "getSecret/action", "set": "setSecret/action", "delete": "delete"}
"""Rights of an access policy, and what a role calls them.

https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
"""


def _demand(cloud: Cloud, vault: str, name: str, principal: str, right: str) -> None:
    """A policy must name the principal and the right, or a role give it; nobody else reads a secret."""
    body = _body(cloud, vault)
    if body["properties"].get("enableRbacAuthorization"):
        _demand_role(cloud, f"{body['id']}/secrets/{name}", principal, right)
    elif not _has_policy(body, principal, right):
        place = cloud.facts.location
        raise AzureError("Forbidden", principal=principal, right=right, vault=vault, location=place)


def _demand_role(cloud: Cloud, secret: str, principal: str, right: str) -> None:
    action = f"{_VAULTS}/secrets/{_ACTIONS.get(right, right)}"
    if not roles.permitted(cloud, principal, action, secret, data=True):
        raise AzureError(
            "ForbiddenByRbac",
            principal=principal,
            action=action,
            resource=secret,
            vault=secret.split("/")[-3],
            location=cloud.facts.location,
        )


def _has_policy(body: Json, principal: str, right: str) -> bool:
    for policy in body["properties"]["accessPolicies"]:
        rights = {each.lower() for each in policy["permissions"].get("secrets") or []}
        if policy["objectId"] == principal and rights & {right, "all"}:
            return True
    return False


def _shown(request: web.Request, name: str, found: tuple[str, str, Json], *, with_value: bool) -> Json:
    version, value, properties = found
    times = {"created": properties["made"], "updated": properties["made"]}
    level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
    given = properties.get("attributes") or {}
    body: Json = {
        "id": f"https://{request.host}/secrets/{name}/{version}",
        "attributes": {"enabled": True, **given, **times, **level},
        "tags": properties.get("tags") or {},
    }
    if properties.get("contentType"):
        body["contentType"] = properties["contentType"]
    return {"value": value, **body} if with_value else body
