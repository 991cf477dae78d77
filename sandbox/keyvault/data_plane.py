"""The endpoint of a vault: Key Vault's REST API for secrets.

https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.cloud.cloud import VAULTS, Cloud, new_id
from sandbox.cloud.database import Json
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError
from sandbox.http.schemas import BOOLEAN, NUMBER, TEXT, checked, mapped, record
from sandbox.keyvault import access, firewall
from sandbox.keyvault.secrets import RETENTION_DAYS, Secret, Secrets, require_enabled

VERSIONS = frozenset(
    {"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"}
)
_NAME = "(?P<name>[a-zA-Z0-9-]{1,127})"
_VERSION = "(?P<version>[0-9a-f]{32})"
_ATTRIBUTES = record(enabled=BOOLEAN, nbf=NUMBER, exp=NUMBER)
_CHANGES = {"contentType": TEXT, "attributes": _ATTRIBUTES, "tags": mapped(TEXT)}
SCHEMAS = {"set": record("value", value=TEXT, **_CHANGES), "update": record(**_CHANGES)}


def application(cloud: Cloud, vault: str) -> web.Application:
    """The endpoint of one vault. It has its own port, because in Azure a vault has its own host."""
    app = web.Application(client_max_size=request_body.MAX_SIZE)
    app.router.add_route("*", "/{path:(?s:.*)}", _VaultEndpoint(cloud, vault).serve)
    return app


@dataclass(frozen=True)
class _VaultEndpoint:
    cloud: Cloud
    vault: str

    async def serve(self, request: web.Request) -> web.Response:
        sent, principal, headers = "", "", {}
        try:
            claims = self._claims(request)
            principal = str(claims["oid"])
            firewall.require_allowed(self._body(), claims)
            sent = await request_body.text(request)
            status, body = 200, self._call(request, principal, sent)
        except AzureError as error:
            inner = {"innererror": {"code": error.inner}} if error.inner else {}
            status, headers = error.status, error.headers
            body = {"error": {**error.body["error"], **inner}}
        except Exception:
            logging.getLogger("sandbox").exception("%s %s", request.method, request.path)
            failure = AzureError("InternalServerError")
            status, body = failure.status, failure.body
        text = json.dumps(body) if body else ""
        exchange = (request.method, f"{request.host}{request.path_qs}", status)
        self.cloud.request_log.record("vault", principal, exchange, sent, text)
        common = {"x-ms-request-id": new_id(), "x-ms-keyvault-region": self.cloud.definition.location}
        return web.Response(
            status=status if text else 204,
            text=text or None,
            content_type="application/json" if text else None,
            headers={**common, **headers},
        )

    def _claims(self, request: web.Request) -> Json:
        """The claims of the request's token; a refusal carries the authority and the audience."""
        audience = self.cloud.definition.vault_audience
        challenge = f'Bearer authorization="{self.cloud.authority}", resource="{audience}"'
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AzureError("Unauthorized", headers={"WWW-Authenticate": challenge})
        try:
            return self.cloud.tokens.check(token, audience)
        except AzureError as error:
            challenge += f', error="invalid_token", error_description="{error.code}"'
            headers = {"WWW-Authenticate": challenge}
            raise AzureError("UnauthorizedToken", headers=headers, reason=error.message) from error

    def _body(self) -> Json:
        vaults = self.cloud.resources.of_type(VAULTS)
        return next(body for body in vaults if body["name"].lower() == self.vault.lower())

    def _call(self, request: web.Request, principal: str, sent: str) -> Json:
        _check_version(request.query.get("api-version", ""))
        matches = [(call, found) for call, path in CALLS if (found := re.fullmatch(path, request.path))]
        if not matches:
            raise AzureError("NotFound", path=request.path)
        for (method, permission, work), found in matches:
            if method == request.method:
                names = {"name": "", "version": "", **found.groupdict(default="")}
                access.require(self.cloud, self._body(), names["name"], principal, permission)
                body = _checked(sent, SCHEMAS[permission]) if permission in SCHEMAS else {}
                secrets = Secrets(self.cloud.database, self.vault)
                return work(_Call(secrets, request.host, **names, body=body, query=request.query))
        raise AzureError("MethodNotAllowed", method=request.method, type="secrets")


@dataclass(frozen=True)
class _Call:
    """One authorized call on a vault's secrets."""

    secrets: Secrets
    host: str
    name: str
    version: str
    body: Json
    query: Mapping[str, str]


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        reason = f"The specified version ({version}) is not recognized." if version else _UNVERSIONED
        raise AzureError("BadParameter", reason=reason)


_UNVERSIONED = "api-version must be specified"


def _checked(sent: str, schema: Json) -> Json:
    """The body of a request; a vault has its own error code for an invalid one."""
    try:
        return checked(request_body.parsed(sent), schema)
    except AzureError as error:
        raise AzureError("BadParameter", reason=error.message) from error


def _get(call: _Call) -> Json:
    return _valued(call, require_enabled(call.secrets.get(call.name, call.version)))


def _set(call: _Call) -> Json:
    created = call.secrets.set(call.name, call.body["value"], call.body, call.body.get("tags") or {})
    return _valued(call, created)


def _update(call: _Call) -> Json:
    return _shown(call, call.secrets.update(call.name, call.version, call.body, call.body.get("tags")))


def _list(call: _Call) -> Json:
    return _page(call, "/secrets", [_entry(call, each) for each in call.secrets.newest()])


def _versions(call: _Call) -> Json:
    found = [_shown(call, each) for each in call.secrets.versions(call.name)]
    return _page(call, f"/secrets/{call.name}/versions", found)


def _delete(call: _Call) -> Json:
    return _deleted_secret(call, call.secrets.delete(call.name))


def _deleted(call: _Call) -> Json:
    return _deleted_secret(call, call.secrets.deleted(call.name))


def _list_deleted(call: _Call) -> Json:
    found = [{**_deleted_secret(call, each), **_entry(call, each)} for each in call.secrets.all_deleted()]
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
"""All calls: method, required permission, handler and path."""


def _page(call: _Call, path: str, found: list[Json]) -> Json:
    """One page of a list: `maxresults` entries, at most 25, and the link to the next page."""
    try:
        size = min(int(call.query.get("maxresults") or 25), 25)
        begin = int(call.query.get("$skiptoken") or 0)
    except ValueError as error:
        raise AzureError("BadParameter", reason="maxresults or $skiptoken is not a number.") from error
    if size < 1 or begin < 0:
        raise AzureError("BadParameter", reason="maxresults or $skiptoken is out of range.")
    more = f"https://{call.host}{path}?api-version={call.query['api-version']}&maxresults={size}"
    link = f"{more}&$skiptoken={begin + size}" if begin + size < len(found) else None
    return {"value": found[begin : begin + size], "nextLink": link}


def _valued(call: _Call, secret: Secret) -> Json:
    return {"value": secret.value, **_shown(call, secret)}


def _shown(call: _Call, secret: Secret) -> Json:
    times = {"created": secret.created, "updated": secret.updated}
    level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION_DAYS}
    return {
        "id": f"https://{call.host}/secrets/{secret.name}/{secret.version}",
        "attributes": {**secret.attributes, **times, **level},
        "tags": secret.tags,
        **({"contentType": secret.content_type} if secret.content_type else {}),
    }


def _entry(call: _Call, secret: Secret) -> Json:
    """A secret in a list: its ID has no version."""
    return {**_shown(call, secret), "id": f"https://{call.host}/secrets/{secret.name}"}


def _deleted_secret(call: _Call, secret: Secret) -> Json:
    return {
        **_shown(call, secret),
        "recoveryId": f"https://{call.host}/deletedsecrets/{secret.name}",
        "deletedDate": secret.deleted,
        "scheduledPurgeDate": secret.deleted + RETENTION_DAYS * 86_400,
    }
