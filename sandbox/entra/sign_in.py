"""Entra ID of one cloud: programs sign in to its tenant with a client secret.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.database import Json
from sandbox.entra import applications
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError, SignInError
from sandbox.registry import tokens
from sandbox.storage import blobs

_LIFETIME = 86_399
_ARM = ("https://management.azure.com", "https://management.core.windows.net")


def routes(cloud: Cloud) -> list[web.RouteDef]:
    """The paths of the tenant; `common` and `organizations` are aliases."""
    tenant = _Tenant(cloud)
    return [
        web.get("/common/discovery/instance", tenant.instance),
        web.get("/{tenant}/.well-known/openid-configuration", tenant.configuration),
        web.get("/{tenant}/v2.0/.well-known/openid-configuration", tenant.configuration),
        web.get("/{tenant}/discovery/v2.0/keys", tenant.keys),
        web.get("/{tenant}/discovery/keys", tenant.keys),
        web.post("/{tenant}/oauth2/token", tenant.token),
        web.post("/{tenant}/oauth2/v2.0/token", tenant.token),
    ]


@dataclass(frozen=True)
class _Tenant:
    cloud: Cloud

    async def instance(self, _: web.Request) -> web.Response:
        endpoint = f"{self.cloud.authority}/v2.0/.well-known/openid-configuration"
        return _response({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": []})

    async def configuration(self, request: web.Request) -> web.Response:
        """https://openid.net/specs/openid-connect-discovery-1_0.html"""
        base = self.cloud.authority
        return self._discovery(
            request,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code", "id_token", "token id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "SANDBOX",
            },
        )

    async def keys(self, request: web.Request) -> web.Response:
        return self._discovery(request, self.cloud.tokens.public_keys)

    async def token(self, request: web.Request) -> web.Response:
        principal = ""
        try:
            self._require_tenant(request)
            form = {key: str(value) for key, value in (await request_body.form(request)).items()}
            if form.get("grant_type") != "client_credentials":
                raise SignInError(70003, grant=form.get("grant_type", ""))
            audience = self._audience(form)
            client = self._authenticate(form)
            principal = applications.principal_of(self.cloud, client)
            claims = {"idtyp": "app", "appid": client}
            token = self.cloud.tokens.issue(principal, audience, seconds=_LIFETIME, **claims)
            status, body = 200, _token_body(token, audience, v1="/v2.0/" not in request.path)
        except SignInError as error:
            status, body = error.status, _described(error)
        except AzureError as error:
            status, body = error.status, error.body
        self.cloud.request_log.record("token", principal, ("POST", request.path, status))
        return _response(body, status)

    def _authenticate(self, form: Mapping[str, str]) -> str:
        """Check the client secret; returns the client ID."""
        client = form.get("client_id", "").lower()
        if not applications.principal_of(self.cloud, client):
            raise SignInError(700016, client=client, tenant=self.cloud.definition.name)
        secret = form.get("client_secret")
        if secret is None:
            raise SignInError(7000218)
        if not applications.accepts(self.cloud, client, secret):
            raise SignInError(7000215, client=client)
        return client

    def _audience(self, form: Mapping[str, str]) -> str:
        """The audience of the token: `resource` in version 1, the scope `resource/.default` in version 2."""
        scopes = [scope for scope in form.get("scope", "").split() if scope.endswith("/.default")]
        requested = form.get("resource") or (scopes[0].removesuffix("/.default") if scopes else "")
        resource, cloud = requested.rstrip("/"), self.cloud
        if resource in (cloud.arm, *_ARM):
            return cloud.audience
        if resource in (cloud.definition.vault_audience, "https://vault.azure.net"):
            return cloud.definition.vault_audience
        if resource in (blobs.AUDIENCE, tokens.AUDIENCE) or blobs.is_endpoint(cloud, resource):
            return resource
        raise SignInError(500011, resource=requested, tenant=cloud.definition.name)

    def _discovery(self, request: web.Request, body: Json) -> web.Response:
        try:
            self._require_tenant(request)
        except SignInError as error:
            return _response(_described(error), error.status)
        return _response(body)

    def _require_tenant(self, request: web.Request) -> None:
        tenant = request.match_info["tenant"]
        if tenant.lower() not in (self.cloud.definition.tenant, "common", "organizations"):
            raise SignInError(90002, tenant=tenant)


def _token_body(token: str, audience: str, *, v1: bool) -> Json:
    """Version 1 writes numbers as text and adds the resource."""
    if not v1:
        times = {"expires_in": _LIFETIME, "ext_expires_in": _LIFETIME}
        return {"token_type": "Bearer", **times, "access_token": token}
    expires = str(int(time.time()) + _LIFETIME)
    times_v1 = {"expires_in": str(_LIFETIME), "expires_on": expires, "not_before": str(int(time.time()))}
    return {"token_type": "Bearer", **times_v1, "resource": audience, "access_token": token}


def _described(error: SignInError) -> Json:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return {**error.body, "timestamp": moment, "trace_id": new_id(), "correlation_id": new_id()}


def _response(body: Json, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
