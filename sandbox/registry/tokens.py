"""A registry's token endpoints, and the check of the tokens they issue.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from aiohttp import web

from sandbox.cloud.cloud import Cloud
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
    form = await request.post()
    audiences = [AUDIENCE, *([cloud.audience] if permissions.accepts_arm_tokens(cloud, name) else [])]
    claims = cloud.tokens.check(str(form.get("access_token", "")), *audiences)
    return {"refresh_token": refresh_token(cloud, name, str(claims["oid"]))}


async def access_token(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """Issue an access token for the permitted part of the requested scopes."""
    form = await request.post() if request.method == "POST" else request.query
    user, password = _basic_credentials(request)
    secret = str(form.get("refresh_token") or form.get("password") or password)
    principal = _authenticated(cloud, name, str(form.get("username") or user), secret)
    scopes = [scope for value in form.getall("scope", []) for scope in str(value).split(" ") if scope]
    token = _issue(cloud, name, principal, scopes)
    return {"access_token": token, "token": token}


def bearer_header(cloud: Cloud, name: str, request: web.Request, scope: str) -> str | None:
    """A Bearer header in place of Basic credentials, which the registry server does not accept."""
    user, password = _basic_credentials(request)
    if not password:
        return None
    return f"Bearer {_issue(cloud, name, _authenticated(cloud, name, user, password), [scope])}"


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


def _authenticated(cloud: Cloud, name: str, user: str, password: str) -> str:
    """The principal of a user name and password, of a refresh token, or of neither."""
    if not password:
        if permissions.allows_anonymous_pull(cloud, name):
            return permissions.ANONYMOUS
        raise AzureError("AuthenticationFailed")
    if user and user != TOKEN_USER and password.count(".") != 2:
        if permissions.is_admin(cloud, name, user, password):
            return f"{permissions.ADMIN}{name}"
        raise AzureError("InvalidAuthenticationToken", reason="wrong user name or password")
    claims = cloud.tokens.check(password, f"refresh:{cloud.login_server(name)}")
    return str(claims["oid"])


def _basic_credentials(request: web.Request) -> tuple[str, str]:
    """User name and password of Basic authentication, or two empty strings."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AzureError("InvalidAuthenticationToken", reason="not base64") from error
    return user, password


def _issue(cloud: Cloud, name: str, principal: str, scopes: Iterable[str]) -> str:
    access = permissions.granted(cloud, name, principal, scopes)
    return cloud.tokens.issue(principal, cloud.login_server(name), seconds=_ACCESS_SECONDS, access=access)
