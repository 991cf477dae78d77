"""Entra ID's part of a cloud: where programs sign in to its tenant, with a secret or with another's token.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from sandbox.arm import roles
from sandbox.cloud import request_log
from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.store import Json
from sandbox.entra import workload_identity
from sandbox.http.azure_errors import SignInError
from sandbox.registry import tokens
from sandbox.storage import blobs

_LIFETIME = 86_399
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def routes(cloud: Cloud) -> list[web.RouteDef]:
    """The paths of the tenant; `common` and `organizations` stand for it as well."""

    async def configuration(request: web.Request) -> web.Response:
        return _said(_configuration(cloud)) if _ours(cloud, request) else _no_tenant(request)

    async def keys(request: web.Request) -> web.Response:
        return _said(cloud.tokens.public_keys) if _ours(cloud, request) else _no_tenant(request)

    async def instance(_: web.Request) -> web.Response:
        place = f"{cloud.authority}/v2.0/.well-known/openid-configuration"
        return _said({"tenant_discovery_endpoint": place, "api-version": "1.1", "metadata": []})

    async def token(request: web.Request) -> web.Response:
        return await _token(cloud, request)

    return [
        web.get("/common/discovery/instance", instance),
        web.get("/{tenant}/.well-known/openid-configuration", configuration),
        web.get("/{tenant}/v2.0/.well-known/openid-configuration", configuration),
        web.get("/{tenant}/discovery/v2.0/keys", keys),
        web.get("/{tenant}/discovery/keys", keys),
        web.post("/{tenant}/oauth2/token", token),
        web.post("/{tenant}/oauth2/v2.0/token", token),
    ]


def _configuration(cloud: Cloud) -> Json:
    """https://openid.net/specs/openid-connect-discovery-1_0.html"""
    place = cloud.authority
    return {
        "issuer": f"{place}/v2.0",
        "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
        "token_endpoint": f"{place}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{place}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{place}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token", "token id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "tenant_region_scope": "SANDBOX",
    }


async def _token(cloud: Cloud, request: web.Request) -> web.Response:
    principal = ""
    try:
        if not _ours(cloud, request):
            raise SignInError(90002, tenant=request.match_info["tenant"])
        form = {key: str(value) for key, value in (await request.post()).items()}
        if form.get("grant_type") != "client_credentials":
            raise SignInError(70003, grant=form.get("grant_type", ""))
        audience = _audience(cloud, form)
        principal, application = await _bearer(cloud, form)
        token = cloud.tokens.issue(principal, audience, seconds=_LIFETIME, idtyp="app", appid=application)
        status, body = 200, _issued(token, audience, v1="/v2.0/" not in request.path)
    except SignInError as error:
        status, body = error.status, {**error.body, **_marks()}
    request_log.record(cloud.store, "token", principal, ("POST", request.path, status), "", "")
    return _said(body, status)


def _issued(token: str, audience: str, *, v1: bool) -> Json:
    """The older form says numbers as text, and the resource."""
    if not v1:
        times = {"expires_in": _LIFETIME, "ext_expires_in": _LIFETIME}
        return {"token_type": "Bearer", **times, "access_token": token}
    ends = str(int(time.time()) + _LIFETIME)
    old = {"expires_in": str(_LIFETIME), "expires_on": ends, "not_before": str(int(time.time()))}
    return {"token_type": "Bearer", **old, "resource": audience, "access_token": token}


async def _bearer(cloud: Cloud, form: Mapping[str, str]) -> tuple[str, str]:
    """Object ID and client ID of the one who proves to be the client."""
    client = form.get("client_id", "").lower()
    if form.get("client_assertion_type") == _ASSERTION:
        identity = _identity(cloud, client)
        await workload_identity.check(cloud, identity, form.get("client_assertion", ""))
        return identity["properties"]["principalId"], client
    if client != cloud.definition.operator_application:
        raise SignInError(700016, client=client, tenant=cloud.definition.name)
    secret = form.get("client_secret")
    if secret is None:
        raise SignInError(7000218)
    if not hmac.compare_digest(secret.encode(), cloud.operator_secret.encode()):
        raise SignInError(7000215, client=client)
    return cloud.definition.operator, client


def _identity(cloud: Cloud, client: str) -> Json:
    for body in cloud.store.of_type(roles.IDENTITIES):
        if body["properties"]["clientId"] == client:
            return body
    raise SignInError(700016, client=client, tenant=cloud.definition.name)


def _audience(cloud: Cloud, form: Mapping[str, str]) -> str:
    """What the token is for: `resource` in the older form, a scope `resource/.default` in the newer."""
    scopes = [each for each in form.get("scope", "").split() if each.endswith("/.default")]
    asked = form.get("resource") or (scopes[0].removesuffix("/.default") if scopes else "")
    plain = asked.rstrip("/")
    if plain in (cloud.arm, "https://management.azure.com", "https://management.core.windows.net"):
        return cloud.audience
    if plain in (cloud.definition.vault_audience, "https://vault.azure.net"):
        return cloud.definition.vault_audience
    if plain in (blobs.AUDIENCE, tokens.AUDIENCE) or plain.startswith(blobs.url(cloud, "").rstrip("/") + "/"):
        return plain
    raise SignInError(500011, resource=asked, tenant=cloud.definition.name)


def _ours(cloud: Cloud, request: web.Request) -> bool:
    tenant = request.match_info["tenant"].lower()
    return tenant in (cloud.definition.tenant, "common", "organizations")


def _no_tenant(request: web.Request) -> web.Response:
    error = SignInError(90002, tenant=request.match_info["tenant"])
    return _said({**error.body, **_marks()}, error.status)


def _marks() -> Json:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return {"timestamp": moment, "trace_id": new_id(), "correlation_id": new_id()}


def _said(body: Json, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
