"""Permissions in a registry: role assignments of Entra principals, accepted tokens, network access.

https://learn.microsoft.com/azure/container-registry/container-registry-roles
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json
from sandbox.http import ip_rules
from sandbox.registry import conditions

_TYPE = "Microsoft.ContainerRegistry/registries"
_ACTIONS = {
    f"{_TYPE}/pull/read": frozenset({"pull", "metadata_read"}),
    f"{_TYPE}/push/write": frozenset({"push", "metadata_write"}),
    f"{_TYPE}/artifacts/delete": frozenset({"delete"}),
}
"""A role's action, and the token actions it permits, in a registry without repository permissions.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
"""

_DATA_ACTIONS = {
    "pull": "repositories/content/read",
    "push": "repositories/content/write",
    "delete": "repositories/content/delete",
    "metadata_read": "repositories/metadata/read",
    "metadata_write": "repositories/metadata/write",
}
"""The token actions and a role's data action for each, in a registry with repository permissions.

Owner, Contributor, AcrPull, AcrPush and AcrDelete have none of them there.
https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
"""

_CATALOG = "catalog/read"
"""The data action that lists all repositories, for which no condition holds."""

_BY_DATA_ACTION = {
    f"{_TYPE}/{action}": frozenset({name}) for name, action in {**_DATA_ACTIONS, "catalog": _CATALOG}.items()
}


def granted(cloud: Cloud, registry: str, principal: str, scopes: Iterable[str]) -> list[dict[str, Any]]:
    """The permitted part of the requested scopes, as the `access` claim of a token.

    A scope is `repository:shop/web:pull,push` or `registry:catalog:*`
    (https://distribution.github.io/distribution/spec/auth/scope/).
    """
    scopes, by_repository = list(scopes), has_repository_permissions(cloud, registry)
    _record(cloud, registry, principal, scopes, _BY_DATA_ACTION if by_repository else _ACTIONS)
    held = (_by_repository if by_repository else _by_registry)(cloud, registry, principal)
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, wanted = rest.rpartition(":")
        permitted = held(name if kind == "repository" else "")
        if kind == "registry":
            actions = ["*"] if wanted == "*" and "catalog" in permitted else []
        else:
            actions = [action for action in wanted.split(",") if action in permitted - {"catalog"}]
        access.append({"type": kind, "name": name, "actions": actions})
    return access


def _record(
    cloud: Cloud,
    registry: str,
    principal: str,
    scopes: Iterable[str],
    actions: Mapping[str, frozenset[str]],
) -> None:
    """Record the actions that the requested scopes need; `actions` are those of the registry's mode."""
    id = str(_body(cloud, registry).get("id", ""))
    wanted = {each for scope in scopes for each in scope.rpartition(":")[2].split(",")}
    listed = "catalog" if actions is _BY_DATA_ACTION else "metadata_read"
    for action, permitted in actions.items():
        if permitted & (wanted | ({listed} if "*" in wanted else set[str]())):
            cloud.needed_rights.record(principal, action, id, data=actions is _BY_DATA_ACTION)


def header(cloud: Cloud, registry: str, principal: str, *repositories: str) -> dict[str, str]:
    """An Authorization header with the principal's permissions in some repositories."""
    access = granted(cloud, registry, principal, [f"repository:{name}:pull,push" for name in repositories])
    token = cloud.tokens.issue(principal, cloud.login_server(registry), seconds=3600, access=access)
    return {"Authorization": f"Bearer {token}"}


def has_repository_permissions(cloud: Cloud, registry: str) -> bool:
    """Whether the registry's role assignment mode is AbacRepositoryPermissions."""
    return bool(_properties(cloud, registry).get("roleAssignmentMode") == "AbacRepositoryPermissions")


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


_Held = Callable[[str], set[str]]
"""The token actions that a principal holds on a repository; `catalog` stands for the list of all."""


def _by_registry(cloud: Cloud, registry: str, principal: str) -> _Held:
    id = str(_body(cloud, registry).get("id", ""))
    grants = roles.Grants(cloud.resources, cloud.faults, principal)
    held = [actions for action, actions in _ACTIONS.items() if grants.permit(action, id)]
    every = {"*"} if len(held) == len(_ACTIONS) else set[str]()
    found = every.union(*held)
    return lambda _: found | ({"catalog"} if "metadata_read" in found else set())


def _by_repository(cloud: Cloud, registry: str, principal: str) -> _Held:
    id = str(_body(cloud, registry).get("id", ""))
    assigned = list(roles.conditional(cloud.resources, cloud.faults, principal, id))

    def permits(action: str, repository: str) -> bool:
        full = f"{_TYPE}/{action}"
        return any(
            role.permits(full, data=True) and (not condition or conditions.parse(condition)(full, repository))
            for role, condition in assigned
        )

    def held(repository: str) -> set[str]:
        found = {name for name, action in _DATA_ACTIONS.items() if permits(action, repository)}
        every = {"*"} if len(found) == len(_DATA_ACTIONS) else set()
        return found | every | ({"catalog"} if permits(_CATALOG, "") else set())

    return held
