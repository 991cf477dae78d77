"""Who may do what in a registry: by role for people and identities, by its own switches for others.

https://learn.microsoft.com/azure/container-registry/container-registry-roles
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json

READ = frozenset({"pull", "metadata_read"})
WRITE = READ | {"push", "metadata_write"}
ALL = WRITE | {"delete", "*"}
ADMIN = "admin:"
"""A principal that begins so is a registry's admin user."""

ANONYMOUS = "anonymous"

_TYPE = "Microsoft.ContainerRegistry/registries"
_ACTIONS: dict[str, frozenset[str]] = {
    f"{_TYPE}/pull/read": READ,
    f"{_TYPE}/push/write": WRITE - READ,
    f"{_TYPE}/artifacts/delete": frozenset({"delete"}),
}
"""What a role permits, and what that means in the scope of a token.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
"""


def granted(cloud: Cloud, registry: str, principal: str, asked: Iterable[str]) -> list[dict[str, Any]]:
    """What of the scopes asked for a principal gets, as the `access` claim of a token.

    A scope reads `repository:shop/web:pull,push` or `registry:catalog:*`
    (https://distribution.github.io/distribution/spec/auth/scope/).
    """
    may = _actions(cloud, registry, principal)
    access = []
    for scope in asked:
        kind, _, rest = scope.partition(":")
        name, _, wanted = rest.rpartition(":")
        if kind == "registry":
            actions = ["*"] if wanted == "*" and "metadata_read" in may and principal != ANONYMOUS else []
        else:
            actions = [action for action in wanted.split(",") if action in may]
        access.append({"type": kind, "name": name, "actions": actions})
    return access


def admin_passwords(cloud: Cloud, registry: str) -> list[str]:
    """The two passwords of a registry's admin user; its name is the registry's."""
    key = cloud.tokens.secret_for("registry admin")
    names = (f"{registry.lower()}/{number}" for number in (1, 2))
    return [hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:52] for name in names]


def is_admin(cloud: Cloud, registry: str, user: str, password: str) -> bool:
    """Whether name and password are the admin user's, where the registry has one at all."""
    if not described(cloud, registry).get("adminUserEnabled") or user.lower() != registry.lower():
        return False
    return any(hmac.compare_digest(password, each) for each in admin_passwords(cloud, registry))


def anonymous_may_pull(cloud: Cloud, registry: str) -> bool:
    """Whether the registry lets anybody pull."""
    return bool(described(cloud, registry).get("anonymousPullEnabled"))


def takes_management_tokens(cloud: Cloud, registry: str) -> bool:
    """Whether the registry takes Entra tokens that were issued for the management endpoint."""
    policies = described(cloud, registry).get("policies") or {}
    status = (policies.get("azureADAuthenticationAsArmPolicy") or {}).get("status") or "enabled"
    return bool(status.lower() == "enabled")


def is_open(cloud: Cloud, registry: str) -> bool:
    """Whether the public network, which this machine counts as, may come in at all."""
    properties = described(cloud, registry)
    rules = properties.get("networkRuleSet") or {}
    narrow = str(rules.get("defaultAction") or "").lower() == "deny" and not rules.get("ipRules")
    return str(properties.get("publicNetworkAccess") or "").lower() != "disabled" and not narrow


def described(cloud: Cloud, registry: str) -> Json:
    """The registry's `properties` as the management endpoint shows them."""
    found: Json = _body(cloud, registry).get("properties", {})
    return found


def _body(cloud: Cloud, registry: str) -> Json:
    listed = cloud.store.of_type(_TYPE)
    return next((body for body in listed if body["name"].lower() == registry.lower()), {})


def _actions(cloud: Cloud, registry: str, principal: str) -> frozenset[str]:
    if principal.startswith(ADMIN):
        return ALL
    if principal == ANONYMOUS:
        return READ if anonymous_may_pull(cloud, registry) else frozenset()
    place = str(_body(cloud, registry).get("id", ""))
    held = [given for action, given in _ACTIONS.items() if roles.permitted(cloud, principal, action, place)]
    found = frozenset[str]().union(*held)
    return ALL if len(held) == len(_ACTIONS) else found
