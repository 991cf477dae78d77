"""The endpoint of a vault: Key Vault's REST API for secrets.

https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.cloud.cloud import VAULTS, Cloud, new_id
from sandbox.cloud.database import Json
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError, azure_error
from sandbox.http.json_response import json_response
from sandbox.http.schemas import checked
from sandbox.keyvault import access, firewall
from sandbox.keyvault.secrets import RETENTION_DAYS, Secret, Secrets, require_enabled

VERSIONS = frozenset(
    {"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"}
)
_NAME = "(?P<name>[a-zA-Z0-9-]{1,127})"
_VERSION = "(?P<version>[0-9a-f]{32})"
SCHEMAS: Json = json.loads(Path(__file__).with_name("request_schemas.json").read_text())
"""The JSON schemas of request bodies, by the required permission."""


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
            firewall.require_allowed(self._body(), claims, self.cloud.faults)
            sent = await request_body.text(request)
            status, body = 200, self._call(request, principal, sent)
        except Exception as error:
            refused = azure_error(error, f"{request.method} {request.path}")
            inner = {"innererror": {"code": refused.inner}} if refused.inner else {}
            status, headers = refused.status, refused.headers
            body = {"error": {**refused.body["error"], **inner}}
        text = json.dumps(body) if body else ""
        exchange = (request.method, f"{request.host}{request.path_qs}", status)
        self.cloud.request_log.record("vault", principal, exchange, sent, text)
        common = {"x-ms-request-id": new_id(), "x-ms-keyvault-region": self.cloud.definition.location}
        return json_response(status if text else 204, text, {**common, **headers})

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
        version = request.query.get("api-version", "")
        if version not in VERSIONS:
            unknown = f"The specified version ({version}) is not recognized."
            raise AzureError("BadParameter", reason=unknown if version else "api-version must be specified")
        matches = [(call, found) for call in CALLS if (found := re.fullmatch(call[2], request.path))]
        if not matches:
            raise AzureError("NotFound", path=request.path)
        for (method, permission, _, work), found in matches:
            if method == request.method:
                names = {"name": "", "version": "", **found.groupdict(default="")}
                access.require(self.cloud, self._body(), names["name"], principal, permission)
                body = _checked(sent, SCHEMAS[permission]) if permission in SCHEMAS else {}
                secrets = Secrets(self.cloud.database, self.vault)
                return work(_Call(secrets, request.host, **names, body=body, query=request.query))
        raise AzureError("MethodNotAllowed", method=request.method, type="secrets")


def _checked(sent: str, schema: Json) -> Json:
    """The body of a request; a vault has its own error code for an invalid one."""
    try:
        return checked(request_body.parsed(sent), schema)
    except AzureError as error:
        raise AzureError("BadParameter", reason=error.message) from error


@dataclass(frozen=True)
class _Call:
    """One authorized call on a vault's secrets."""

    secrets: Secrets
    host: str
    name: str
    version: str
    body: Json
    query: Mapping[str, str]

    def get(self) -> Json:
        secret = require_enabled(self.secrets.get(self.name, self.version))
        return {"value": secret.value, **self.shown(secret)}

    def set(self) -> Json:
        secret = self.secrets.set(self.name, self.body["value"], self.body, self.body.get("tags") or {})
        return {"value": secret.value, **self.shown(secret)}

    def update(self) -> Json:
        return self.shown(self.secrets.update(self.name, self.version, self.body, self.body.get("tags")))

    def delete(self) -> Json:
        return self.shown_deleted(self.secrets.delete(self.name))

    def get_deleted(self) -> Json:
        return self.shown_deleted(self.secrets.deleted(self.name))

    def recover(self) -> Json:
        return self.shown(self.secrets.recover(self.name))

    def purge(self) -> Json:
        self.secrets.purge(self.name)
        return {}

    def page(self, path: str, found: list[Json]) -> Json:
        """One page of a list: `maxresults` entries, at most 25, and the link to the next page."""
        try:
            size = min(int(self.query.get("maxresults") or 25), 25)
            begin = int(self.query.get("$skiptoken") or 0)
        except ValueError as error:
            raise AzureError("BadParameter", reason="maxresults or $skiptoken is not a number.") from error
        if size < 1 or begin < 0:
            raise AzureError("BadParameter", reason="maxresults or $skiptoken is out of range.")
        more = f"https://{self.host}{path}?api-version={self.query['api-version']}&maxresults={size}"
        link = f"{more}&$skiptoken={begin + size}" if begin + size < len(found) else None
        return {"value": found[begin : begin + size], "nextLink": link}

    def shown(self, secret: Secret, *, listed: bool = False) -> Json:
        """A secret without its value; its ID in a list has no version."""
        times = {"created": secret.created, "updated": secret.updated}
        level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION_DAYS}
        return {
            "id": f"https://{self.host}/secrets/{secret.name}{'' if listed else f'/{secret.version}'}",
            "attributes": {**secret.attributes, **times, **level},
            "tags": secret.tags,
            **({"contentType": secret.content_type} if secret.content_type else {}),
        }

    def shown_deleted(self, secret: Secret, *, listed: bool = False) -> Json:
        """A deleted secret."""
        return {
            **self.shown(secret, listed=listed),
            "recoveryId": f"https://{self.host}/deletedsecrets/{secret.name}",
            "deletedDate": secret.deleted,
            "scheduledPurgeDate": secret.deleted + RETENTION_DAYS * 86_400,
        }

    def list_secrets(self) -> Json:
        return self.page("/secrets", [self.shown(each, listed=True) for each in self.secrets.newest()])

    def list_versions(self) -> Json:
        found = [self.shown(each) for each in self.secrets.versions(self.name)]
        return self.page(f"/secrets/{self.name}/versions", found)

    def list_deleted(self) -> Json:
        found = [self.shown_deleted(each, listed=True) for each in self.secrets.all_deleted()]
        return self.page("/deletedsecrets", found)


CALLS: tuple[tuple[str, str, str, Callable[[_Call], Json]], ...] = (
    ("GET", "list", "/secrets/?", _Call.list_secrets),
    ("GET", "get", f"/secrets/{_NAME}(?:/{_VERSION}|/?)", _Call.get),
    ("PUT", "set", f"/secrets/{_NAME}/?", _Call.set),
    (
        "DELETE",
        "delete",
        f"/secrets/{_NAME}/?",
        _Call.delete,
    ),
    ("GET", "list", f"/secrets/{_NAME}/versions", _Call.list_versions),
    ("PATCH", "update", f"/secrets/{_NAME}(?:/{_VERSION})?/?", _Call.update),
    ("GET", "list", "/deletedsecrets/?", _Call.list_deleted),
    (
        "GET",
        "get",
        f"/deletedsecrets/{_NAME}",
        _Call.get_deleted,
    ),
    ("DELETE", "purge", f"/deletedsecrets/{_NAME}", _Call.purge),
    (
        "POST",
        "recover",
        f"/deletedsecrets/{_NAME}/recover",
        _Call.recover,
    ),
)
"""All calls: method, required permission, path and handler."""
