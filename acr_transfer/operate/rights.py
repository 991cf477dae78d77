"""The rights of the caller: the actions that deployments and commands need, and where.

rights.json lists them; it is recorded from runs. docs/rights.md shows the same lists.
https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acr_transfer.model.clouds import is_sovereign_cloud
from acr_transfer.model.roles import RoleAssignmentMode, reading_role

RIGHTS = Path(__file__).with_name("rights.json")
_NEW_GROUP, _NEW_REGISTRY = "SAS token, new resource group", "SAS token, new registry"
_IMPORTS = "imports on demand"
_BY_KEY, _BY_TOKEN = "with account keys", "without account keys"
_OPERATOR = ("plan", "hop", "prove", "status", "doctor", "clean")


@dataclass(frozen=True)
class Right:
    """One action that the caller needs."""

    place: str
    """`subscription`, `resource group` or `registry`."""

    action: str
    """Azure's name of the action, such as `Microsoft.Storage/storageAccounts/read`."""

    is_data: bool
    """Whether it is a data action, on the content of a resource."""

    role: str
    """The name of the smallest built-in role that has the action, together with the others of its list."""

    needed_by: str
    """The command or the set-up."""


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RIGHTS.read_text())
    return found


def deployer_rights(side: str, config: Mapping[str, str]) -> list[Right]:
    """The rights that `pulumi up` of a stack needs. `config` is its configuration without namespaces."""
    deployers = _document()["deployers"]
    found = [*_rights(deployers[side][set_up_name(config)], "pulumi up")]
    if config.get("createResourceGroup") != "false":
        found += _of_type("/resourceGroups/", deployers[side][_NEW_GROUP])
    if config.get("sourceTriggerStatus") == "Disabled":
        found += _of_type("/pipelineRuns/", deployers["target"][_IMPORTS])
    if config.get("createRegistry") == "true":
        created = _of_type(".ContainerRegistry/registries/", deployers["target"][_NEW_REGISTRY])
        found += [right for right in created if "Pipelines/" not in right.action]
    if config.get("registryRoleAssignmentMode") == RoleAssignmentMode.ABAC:
        verbs, role = ("read", "write", "delete"), "Role Based Access Control Administrator"
        actions = (f"Microsoft.Authorization/roleAssignments/{verb}" for verb in verbs)
        found += [Right("registry", action, False, role, "pulumi up") for action in actions]
    assigns = config.get("identity") or config.get("createIdentity") == "true"
    return [right for right in found if assigns or "/userAssignedIdentities/" not in right.action]


def _of_type(part: str, places: Mapping[str, Any]) -> list[Right]:
    return [right for right in _rights(places, "pulumi up") if part in right.action]


def operator_rights(
    side: str, *, by_key: bool, mode: RoleAssignmentMode = RoleAssignmentMode.LEGACY
) -> list[Right]:
    """The rights that the commands need on one side, of an account with or without permitted keys.

    `mode` is that of the registry.
    """
    found: list[Right] = []
    for name, sides in _document()["commands"].items():
        command, _, way = name.partition(", ")
        unfit = _BY_TOKEN if by_key else _BY_KEY
        if command.split()[0] in _OPERATOR and way != unfit:
            found += _rights(sides.get(side, {}), command)
    return [each for right in found for each in _in_mode(right, mode)]


def _in_mode(right: Right, mode: RoleAssignmentMode) -> Iterator[Right]:
    """The rights that take the place of the right to pull in a registry with roles on repositories.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """
    if mode is RoleAssignmentMode.LEGACY or not right.action.endswith("/registries/pull/read"):
        yield right
        return
    base = right.action.removesuffix("pull/read")
    actions = {f"{base}repositories/content/read": reading_role(mode, lists=False)}
    if right.needed_by == "plan":
        actions[f"{base}catalog/read"] = reading_role(mode, lists=True)
    for action, role in actions.items():
        yield Right(right.place, action, True, role.label, right.needed_by)


def set_up_name(config: Mapping[str, str]) -> str:
    """The set-up of docs/rights.md to which a configuration belongs, apart from a new group or registry."""
    by_identity = config.get("storageAccess") == "ManagedIdentity"
    exists = bool(config.get("storageAccount") or config.get("vault"))
    default = "rbac" if is_sovereign_cloud(config.get("environment", "")) else ""
    by_role = config.get("vaultAccess", default) == "rbac"
    vault = "vault with roles" if by_role else "vault with access policies"
    if by_identity:
        return "ManagedIdentity; account and identity exist" if exists else "ManagedIdentity, new account"
    if exists:
        return f"SAS token; account, {vault} and identity exist"
    return f"SAS token, new {vault}{', new identity' if by_role else ''}"


def _rights(places: Mapping[str, Any], needed_by: str) -> Iterator[Right]:
    for place, kinds in places.items():
        for kind in ("actions", "dataActions"):
            for action, role in kinds.get(kind, {}).items():
                yield Right(place, action, kind == "dataActions", role, needed_by)
