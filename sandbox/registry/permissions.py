"""Permissions in a registry: role assignments of Entra principals, accepted tokens, network access.

https://learn.microsoft.com/azure/container-registry/container-registry-roles
"""

from collections.abc import Iterable
from typing import Any

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json
from sandbox.http import ip_rules

_TYPE = "Microsoft.ContainerRegistry/registries"
_ACTIONS = {
    f"{_TYPE}/pull/read": frozenset({"pull", "metadata_read"}),
    f"{_TYPE}/push/write": frozenset({"push", "metadata_write"}),
    f"{_TYPE}/artifacts/delete": frozenset({"delete"}),
}
"""A role's action, and the token actions it permits.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
"""


def granted(cloud: Cloud, registry: str, principal: str, scopes: Iterable[str]) -> list[dict[str, Any]]:
    """The permitted part of the requested scopes, as the `access` claim of a token.

    A scope is `repository:shop/web:pull,push` or `registry:catalog:*`
    (https://distribution.github.io/distribution/spec/auth/scope/).
    """
    scopes, permitted = list(scopes), _permitted(cloud, registry, principal)
    _record(cloud, registry, principal, scopes)
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, wanted = rest.rpartition(":")
        if kind == "registry":
            actions = ["*"] if wanted == "*" and "metadata_read" in permitted else []
        else:
            actions = [action for action in wanted.split(",") if action in permitted]
        access.append({"type": kind, "name": name, "actions": actions})
    return access


def _record(cloud: Cloud, registry: str, principal: str, scopes: Iterable[str]) -> None:
    """Record the actions that the requested scopes need."""
    wanted = {each for scope in scopes for each in scope.rpartition(":")[2].split(",")}
    catalog = {"metadata_read"} if "*" in wanted else set[str]()
    for action, permitted in _ACTIONS.items():
        if permitted & (wanted | catalog):
            cloud.needed_rights.record(principal, action, str(_body(cloud, registry).get("id", "")))


def accepts_arm_tokens(cloud: Cloud, registry: str) -> bool:
    """Whether the registry accepts Entra tokens for the management endpoint."""
    policies = _properties(cloud, registry).get("policies") or {}
    status = (policies.get("azureADAuthenticationAsArmPolicy") or {}).get("status") or "enabled"
    return bool(status.lower() == "enabled")


def is_public(cloud: Cloud, registry: str) -> bool:
    """Whether the registry accepts requests from the public network, which includes this machine."""
    properties = _properties(cloud, registry)
    public = str(properties.get("publicNetworkAccess") or "").lower() != "disabled"
    return public and ip_rules.admits_caller(properties.get("networkRuleSet") or {})


def _properties(cloud: Cloud, registry: str) -> Json:
    found: Json = _body(cloud, registry).get("properties", {})
    return found


def _body(cloud: Cloud, registry: str) -> Json:
    registries = cloud.resources.of_type(_TYPE)
    return next((body for body in registries if body["name"].lower() == registry.lower()), {})


def _permitted(cloud: Cloud, registry: str, principal: str) -> set[str]:
    id = str(_body(cloud, registry).get("id", ""))
    grants = roles.Grants(cloud.resources, cloud.faults, principal)
    held = [actions for action, actions in _ACTIONS.items() if grants.permit(action, id)]
    every = {"*"} if len(held) == len(_ACTIONS) else set[str]()
    return every.union(*held)
