"""Key Vault's own door: secrets, for whom an access policy lets in.

https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.cloud import request_log
from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.store import Json
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError
from sandbox.http.schemas import NUMBER, TEXT, TRUTH, checked, mapped, record
from sandbox.keyvault import access, firewall
from sandbox.keyvault.secrets import RETENTION_DAYS, Secret, Secrets, usable

VERSIONS = frozenset(
    {"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"}
)
_NAME = "(?P<name>[a-zA-Z0-9-]{1,127})"
_VERSION = "(?P<version>[0-9a-f]{32})"
_ATTRIBUTES = record(enabled=TRUTH, nbf=NUMBER, exp=NUMBER)
_CHANGES = {"contentType": TEXT, "attributes": _ATTRIBUTES, "tags": mapped(TEXT)}
SHAPES = {"set": record("value", value=TEXT, **_CHANGES), "update": record(**_CHANGES)}


async def open_vault(cloud: Cloud, name: str) -> None:
    """Serve a vault on a port of its own: a vault's name is its host in Azure."""
    door = f"vault/{name.lower()}"

    async def serve(request: web.Request) -> web.Response:
        return await _serve(cloud, name, request)

    app = web.Application(client_max_size=request_body.LONGEST)
    app.router.add_route("*", "/{path:(?s:.*)}", serve)
    await cloud.open(door, app, cloud.ports.of(door))


async def _serve(cloud: Cloud, vault: str, request: web.Request) -> web.Response:
    sent, principal, headers = "", "", {}
    try:
        claims = _claims(cloud, request)
        principal = str(claims["oid"])
        firewall.refuse_outsiders(_body(cloud, vault), claims)
        sent = await request_body.text(request)
        status, body = 200, _answer(cloud, vault, request, principal, sent)
    except AzureError as error:
        inner = {"innererror": {"code": error.inner}} if error.inner else {}
        status, headers = error.status, error.headers
        body = {"error": {**error.body["error"], **inner}}
    except Exception:
        logging.getLogger("sandbox").exception("%s %s", request.method, request.path)
        fault = AzureError("InternalServerError")
        status, body = fault.status, fault.body
    text = json.dumps(body) if body else ""
    exchange = (request.method, f"{request.host}{request.path_qs}", status)
    request_log.record(cloud.store, "vault", principal, exchange, sent, text)
    kind = "application/json" if text else None
    headers = {"x-ms-request-id": new_id(), "x-ms-keyvault-region": cloud.definition.location, **headers}
    return web.Response(status=status if text else 204, text=text or None, content_type=kind, headers=headers)


def _claims(cloud: Cloud, request: web.Request) -> Json:
    """Who asks. Whom the vault does not know is told where to sign in, and for what."""
    resource = cloud.definition.vault_audience
    challenge = f'Bearer authorization="{cloud.authority}", resource="{resource}"'
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AzureError("Unauthorized", headers={"WWW-Authenticate": challenge})
    try:
        return cloud.tokens.check(token, resource)
    except AzureError as error:
        refused = f'{challenge}, error="invalid_token", error_description="{error.code}"'
        raise AzureError(
            "UnauthorizedToken", headers={"WWW-Authenticate": refused}, reason=error.message
        ) from error


def _body(cloud: Cloud, vault: str) -> Json:
    named = (each for each in cloud.store.of_type(access.VAULTS) if each["name"].lower() == vault.lower())
    return next(named)


@dataclass(frozen=True)
class _Call:
    """One authorised call on a vault's secrets."""

    secrets: Secrets
    host: str
    name: str
    version: str
    body: Json
    query: Mapping[str, str]


def _answer(cloud: Cloud, vault: str, request: web.Request, principal: str, sent: str) -> Json:
    _check_version(request.query.get("api-version", ""))
    fitting = [(verb, found) for verb, path in CALLS if (found := re.fullmatch(path, request.path))]
    if not fitting:
        raise AzureError("NotFound", path=request.path)
    for (method, right, work), found in fitting:
        if method == request.method:
            names = {"name": "", "version": "", **found.groupdict(default="")}
            access.demand(cloud, _body(cloud, vault), names["name"], principal, right)
            body = _checked(sent, SHAPES[right]) if right in SHAPES else {}
            call = _Call(Secrets(cloud, vault), request.host, **names, body=body, query=request.query)
            return work(call)
    raise AzureError("MethodNotAllowed", method=request.method, type="secrets")


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        reason = f"The specified version ({version}) is not recognized." if version else _UNVERSIONED
        raise AzureError("BadParameter", reason=reason)


_UNVERSIONED = "api-version must be specified"


def _checked(sent: str, shape: Json) -> Json:
    """A vault has a code of its own for what does not fit."""
    try:
        return checked(request_body.parsed(sent), shape)
    except AzureError as error:
        raise AzureError("BadParameter", reason=error.message) from error


def _get(call: _Call) -> Json:
    return _valued(call, usable(call.secrets.get(call.name, call.version)))


def _set(call: _Call) -> Json:
    made = call.secrets.set(call.name, call.body["value"], call.body, call.body.get("tags") or {})
    return _valued(call, made)


def _update(call: _Call) -> Json:
    return _shown(call, call.secrets.update(call.name, call.version, call.body, call.body.get("tags")))


def _list(call: _Call) -> Json:
    return _page(call, "/secrets", [_entry(call, each) for each in call.secrets.newest()])


def _versions(call: _Call) -> Json:
    found = [_shown(call, each) for each in call.secrets.versions(call.name)]
    return _page(call, f"/secrets/{call.name}/versions", found)


def _delete(call: _Call) -> Json:
    return _gone(call, call.secrets.delete(call.name))


def _deleted(call: _Call) -> Json:
    return _gone(call, call.secrets.deleted(call.name))


def _list_deleted(call: _Call) -> Json:
    found = [{**_gone(call, each), **_entry(call, each)} for each in call.secrets.all_deleted()]
    return _page(call, "/deletedsecrets", found)


def _recover(call: _Call) -> Json:
    return _shown(call, call.secrets.recover(call.name))


def _purge(call: _Call) -> Json:
    call.secrets.purge(call.name)
    return {}


CALLS: tuple[tuple[tuple[str, str, Callable[[_Call], Json]], str], ...] = (
    (("GET", "list", _list), "/secrets/?"),
    (("GET", "get", _get), f"/secrets/{_NAME}/?"),
    (("PUT", "set", _set), f"/secrets/{_NAME}/?"),
    (("DELETE", "delete", _delete), f"/secrets/{_NAME}/?"),
    (("GET", "list", _versions), f"/secrets/{_NAME}/versions"),
    (("GET", "get", _get), f"/secrets/{_NAME}/{_VERSION}"),
    (("PATCH", "update", _update), f"/secrets/{_NAME}(?:/{_VERSION})?/?"),
    (("GET", "list", _list_deleted), "/deletedsecrets/?"),
    (("GET", "get", _deleted), f"/deletedsecrets/{_NAME}"),
    (("DELETE", "purge", _purge), f"/deletedsecrets/{_NAME}"),
    (("POST", "recover", _recover), f"/deletedsecrets/{_NAME}/recover"),
)
"""Every call: method, the right that it takes, who does it, and its path."""


def _page(call: _Call, path: str, found: list[Json]) -> Json:
    """As many entries as were asked for, 25 at the most, and where to go on."""
    try:
        most = min(int(call.query.get("maxresults") or 25), 25)
        begin = int(call.query.get("$skiptoken") or 0)
    except ValueError as error:
        raise AzureError("BadParameter", reason="maxresults or $skiptoken is no number.") from error
    if most < 1 or begin < 0:
        raise AzureError("BadParameter", reason="maxresults or $skiptoken is out of range.")
    more = f"https://{call.host}{path}?api-version={call.query['api-version']}&maxresults={most}"
    link = f"{more}&$skiptoken={begin + most}" if begin + most < len(found) else None
    return {"value": found[begin : begin + most], "nextLink": link}


def _valued(call: _Call, secret: Secret) -> Json:
    return {"value": secret.value, **_shown(call, secret)}


def _shown(call: _Call, secret: Secret) -> Json:
    times = {"created": secret.made, "updated": secret.changed}
    level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION_DAYS}
    return {
        "id": f"https://{call.host}/secrets/{secret.name}/{secret.version}",
        "attributes": {**secret.attributes, **times, **level},
        "tags": secret.tags,
        **({"contentType": secret.content_type} if secret.content_type else {}),
    }


def _entry(call: _Call, secret: Secret) -> Json:
    """A secret in a list: its ID names no version."""
    return {**_shown(call, secret), "id": f"https://{call.host}/secrets/{secret.name}"}


def _gone(call: _Call, secret: Secret) -> Json:
    return {
        **_shown(call, secret),
        "recoveryId": f"https://{call.host}/deletedsecrets/{secret.name}",
        "deletedDate": secret.deleted,
        "scheduledPurgeDate": secret.deleted + RETENTION_DAYS * 86_400,
    }
