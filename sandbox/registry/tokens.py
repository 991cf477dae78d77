"""A registry's token endpoints, and the check of what they gave.

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

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The user name that goes with a refresh token as password."""

AUDIENCE = "https://containerregistry.azure.net"
"""What an Entra token is for that any registry exchanges; one for the management endpoint serves as well,
unless the registry's policy `azureADAuthenticationAsArmPolicy` is disabled."""

_ACCESS_SECONDS, _REFRESH_SECONDS = 75 * 60, 30 * 86_400


def refresh_token(cloud: Cloud, name: str, principal: str = "") -> str:
    """What `az acr login` puts into the Docker configuration; by default for the operator."""
    audience = f"refresh:{cloud.login_server(name)}"
    return cloud.tokens.issue(principal or cloud.facts.operator, audience, seconds=_REFRESH_SECONDS)


async def exchange(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """An Entra token of this cloud becomes a refresh token of this registry, for the same bearer."""
    form = await request.post()
    audiences = [AUDIENCE, *([cloud.audience] if permissions.takes_management_tokens(cloud, name) else [])]
    claims = cloud.tokens.check(str(form.get("access_token", "")), *audiences)
    return {"refresh_token": refresh_token(cloud, name, str(claims["oid"]))}


async def access_token(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """Whoever may come in gets a token for as much as they may do of the scopes asked for."""
    form = await request.post() if request.method == "POST" else request.query
    user, password = credentials(request)
    given = str(form.get("refresh_token") or form.get("password") or password)
    principal = bearer_of(cloud, name, str(form.get("username") or user), given)
    scopes = [scope for value in form.getall("scope", []) for scope in str(value).split(" ") if scope]
    token = _issued(cloud, name, principal, scopes)
    return {"access_token": token, "token": token}


def bearer_of(cloud: Cloud, name: str, user: str, password: str) -> str:
    """The principal that a name and password, a refresh token, or nothing at all stand for."""
    if not password:
        if permissions.anonymous_may_pull(cloud, name):
            return permissions.ANONYMOUS
        raise AzureError("AuthenticationFailed")
    if user and user != NOBODY and password.count(".") != 2:
        if permissions.is_admin(cloud, name, user, password):
            return f"{permissions.ADMIN}{name}"
        raise AzureError("InvalidAuthenticationToken", reason="wrong user name or password")
    claims = cloud.tokens.check(password, f"refresh:{cloud.login_server(name)}")
    return str(claims["oid"])


def credentials(request: web.Request) -> tuple[str, str]:
    """User and password of a request's Basic authorisation, or two empty strings."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AzureError("InvalidAuthenticationToken", reason="not base64") from error
    return user, password


def bearer_header(cloud: Cloud, name: str, request: web.Request, scope: str) -> str | None:
    """A bearer token in place of a name and password, which the server behind does not take."""
    user, password = credentials(request)
    if not password:
        return None
    return f"Bearer {_issued(cloud, name, bearer_of(cloud, name, user, password), [scope])}"


def allowed(cloud: Cloud, name: str, authorization: str, scope: str) -> bool:
    """Whether the token of a request covers a scope."""
    kind, _, rest = scope.partition(":")
    place, _, action = rest.rpartition(":")
    try:
        claims = cloud.tokens.check(authorization.partition(" ")[2], cloud.login_server(name))
    except AzureError:
        return False
    entries = [each for each in claims.get("access", []) if (each["type"], each["name"]) == (kind, place)]
    return any(action in each["actions"] or "*" in each["actions"] for each in entries)


def _issued(cloud: Cloud, name: str, principal: str, scopes: Iterable[str]) -> str:
    access = permissions.granted(cloud, name, principal, scopes)
    return cloud.tokens.issue(principal, cloud.login_server(name), seconds=_ACCESS_SECONDS, access=access)
