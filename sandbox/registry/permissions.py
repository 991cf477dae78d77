"""Permissions in a registry: role assignments of Entra principals, the admin user, anonymous pull.

https://learn.microsoft.com/azure/container-registry/container-registry-roles
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json

ADMIN = "admin:"
"""The prefix of a principal that is a registry's admin user."""

ANONYMOUS = "anonymous"

_TYPE = "Microsoft.ContainerRegistry/registries"
_ACTIONS = {
    f"{_TYPE}/pull/read": frozenset({"pull", "metadata_read"}),
    f"{_TYPE}/push/write": frozenset({"push", "metadata_write"}),
    f"{_TYPE}/artifacts/delete": frozenset({"delete"}),
}
"""A role's action, and the token actions it permits.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
"""

_ALL = frozenset[str]().union(*_ACTIONS.values()) | {"*"}


def granted(cloud: Cloud, registry: str, principal: str, scopes: Iterable[str]) -> list[dict[str, Any]]:
    """The permitted part of the requested scopes, as the `access` claim of a token.

    A scope is `repository:shop/web:pull,push` or `registry:catalog:*`
    (https://distribution.github.io/distribution/spec/auth/scope/).
    """
    permitted = _permitted(cloud, registry, principal)
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, wanted = rest.rpartition(":")
        if kind == "registry":
            may_list = wanted == "*" and "metadata_read" in permitted and principal != ANONYMOUS
            actions = ["*"] if may_list else []
        else:
            actions = [action for action in wanted.split(",") if action in permitted]
        access.append({"type": kind, "name": name, "actions": actions})
    return access


def admin_passwords(cloud: Cloud, registry: str) -> list[str]:
    """The two passwords of a registry's admin user; the user name is the registry's name."""
    key = cloud.tokens.secret_for("registry admin")
    names = (f"{registry.lower()}/{number}" for number in (1, 2))
    return [hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:52] for name in names]


def is_admin(cloud: Cloud, registry: str, user: str, password: str) -> bool:
    """Whether the admin user is enabled and these are its credentials."""
    if not _properties(cloud, registry).get("adminUserEnabled") or user.lower() != registry.lower():
        return False
    return any(hmac.compare_digest(password, each) for each in admin_passwords(cloud, registry))


def allows_anonymous_pull(cloud: Cloud, registry: str) -> bool:
    """Whether the registry allows pulls without a token."""
    return bool(_properties(cloud, registry).get("anonymousPullEnabled"))


def accepts_arm_tokens(cloud: Cloud, registry: str) -> bool:
    """Whether the registry accepts Entra tokens for the management endpoint."""
    policies = _properties(cloud, registry).get("policies") or {}
    status = (policies.get("azureADAuthenticationAsArmPolicy") or {}).get("status") or "enabled"
    return bool(status.lower() == "enabled")


def is_public(cloud: Cloud, registry: str) -> bool:
    """Whether the registry accepts requests from the public network, which includes this machine."""
    properties = _properties(cloud, registry)
    rules = properties.get("networkRuleSet") or {}
    denied = str(rules.get("defaultAction") or "").lower() == "deny" and not rules.get("ipRules")
    return str(properties.get("publicNetworkAccess") or "").lower() != "disabled" and not denied


def _properties(cloud: Cloud, registry: str) -> Json:
    found: Json = _body(cloud, registry).get("properties", {})
    return found


def _body(cloud: Cloud, registry: str) -> Json:
    registries = cloud.resources.of_type(_TYPE)
    return next((body for body in registries if body["name"].lower() == registry.lower()), {})


def _permitted(cloud: Cloud, registry: str, principal: str) -> frozenset[str]:
    if principal.startswith(ADMIN):
        return _ALL
    if principal == ANONYMOUS:
        return _ACTIONS[f"{_TYPE}/pull/read"] if allows_anonymous_pull(cloud, registry) else frozenset()
    id = str(_body(cloud, registry).get("id", ""))
    grants = roles.Grants(cloud.resources, cloud.faults, principal)
    held = [actions for action, actions in _ACTIONS.items() if grants.permit(action, id)]
    return _ALL if len(held) == len(_ACTIONS) else frozenset[str]().union(*held)
