"""A registry's token endpoints, and the check of the tokens they issue.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, https://distribution.github.io/distribution/spec/auth/token/
"""

from aiohttp import BasicAuth, web

from sandbox.cloud.cloud import Cloud
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError
from sandbox.registry import permissions

TOKEN_USER = "00000000-0000-0000-0000-000000000000"
"""The user name with which a refresh token is sent as the password."""

AUDIENCE = "https://containerregistry.azure.net"
"""The audience of Entra tokens for registries. Registries also accept tokens for the management endpoint,
unless their policy `azureADAuthenticationAsArmPolicy` is disabled."""

_ACCESS_SECONDS, _REFRESH_SECONDS = 75 * 60, 30 * 86_400


def refresh_token(cloud: Cloud, name: str, principal: str = "") -> str:
    """A refresh token, as `az acr login` stores it for Docker; by default for the operator."""
    audience = f"refresh:{cloud.login_server(name)}"
    return cloud.tokens.issue(principal or cloud.definition.operator, audience, seconds=_REFRESH_SECONDS)


async def exchange(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """Exchange an Entra token of this cloud for a refresh token of this registry."""
    form = await request_body.form(request)
    audiences = [AUDIENCE, *([cloud.audience] if permissions.accepts_arm_tokens(cloud, name) else [])]
    claims = cloud.tokens.check(str(form.get("access_token", "")), *audiences)
    return {"refresh_token": refresh_token(cloud, name, str(claims["oid"]))}


async def access_token(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """Issue an access token for the permitted part of the requested scopes."""
    form = await request_body.form(request) if request.method == "POST" else request.query
    secret = str(form.get("refresh_token") or form.get("password") or _basic_password(request))
    if not secret:
        raise AzureError("AuthenticationFailed")
    server = cloud.login_server(name)
    principal = str(cloud.tokens.check(secret, f"refresh:{server}")["oid"])
    scopes = [scope for value in form.getall("scope", []) for scope in str(value).split(" ") if scope]
    access = permissions.granted(cloud, name, principal, scopes)
    token = cloud.tokens.issue(principal, server, seconds=_ACCESS_SECONDS, access=access)
    return {"access_token": token, "token": token}


def covers(cloud: Cloud, name: str, authorization: str, scope: str) -> bool:
    """Whether the token in an Authorization header covers a scope."""
    kind, _, rest = scope.partition(":")
    resource, _, action = rest.rpartition(":")
    try:
        claims = cloud.tokens.check(authorization.partition(" ")[2], cloud.login_server(name))
    except AzureError:
        return False
    entries = [each for each in claims.get("access", []) if (each["type"], each["name"]) == (kind, resource)]
    return any(action in each["actions"] or "*" in each["actions"] for each in entries)


def _basic_password(request: web.Request) -> str:
    """The password of Basic authentication, with which Docker sends a refresh token, or an empty string."""
    try:
        return str(BasicAuth.decode(request.headers.get("Authorization", "")).password)
    except ValueError:
        return ""
