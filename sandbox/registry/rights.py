"""Who may do what in a registry: by role for people and identities, by its own switches for others.

https://learn.microsoft.com/azure/container-registry/container-registry-roles
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from sandbox.cloud import Cloud
from sandbox.store import Json

READ = frozenset({"pull", "metadata_read"})
WRITE = READ | {"push", "metadata_write"}
ALL = WRITE | {"delete", "*"}
ADMIN = "admin:"
"""A principal that begins so is a registry's admin user."""

ANONYMOUS = "anonymous"

_ROLES: dict[str, frozenset[str]] = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": READ,  # AcrPull
    "8311e382-0749-4cb8-b61a-304f252e45ec": WRITE,  # AcrPush
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11": frozenset({"delete"}),  # AcrDelete
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": READ,  # Reader
    "b24988ac-6180-42a0-ab88-20f7382dd24c": ALL,  # Contributor
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ALL,  # Owner
}
"""Role definitions (https://learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""

_REGISTRIES = "Microsoft.ContainerRegistry/registries"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


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


def described(cloud: Cloud, registry: str) -> Json:
    """The registry's `properties` as the management endpoint shows them."""
    found: Json = _body(cloud, registry).get("properties", {})
    return found


def _body(cloud: Cloud, registry: str) -> Json:
    listed = cloud.store.of_type(_REGISTRIES)
    return next((body for body in listed if body["name"].lower() == registry.lower()), {})


def _actions(cloud: Cloud, registry: str, principal: str) -> frozenset[str]:
    if principal == cloud.facts.operator or principal.startswith(ADMIN):
        return ALL
    if principal == ANONYMOUS:
        return READ if anonymous_may_pull(cloud, registry) else frozenset()
    place = str(_body(cloud, registry).get("id", "")).lower()
    found: frozenset[str] = frozenset()
    for assignment in cloud.store.of_type(_ASSIGNMENTS):
        properties = assignment["properties"]
        scope = str(properties.get("scope", "")).lower().rstrip("/")
        if properties.get("principalId") == principal and (place == scope or place.startswith(f"{scope}/")):
            role = str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower()
            found |= _ROLES.get(role, frozenset())
    return found
