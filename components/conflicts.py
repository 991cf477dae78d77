"""Errors for resources that already exist where this program would create them."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ErrorHookArgs, Output, ResourceHookBinding, ResourceOptions

from acr_transfer.model.failures import deployments
from acr_transfer.model.failures.failure import Failure
from acr_transfer.model.options import Direction
from acr_transfer.model.visible_text import visible_line

from .advice import ways_out
from .sdk import recorded_resources, retry_hooks

_SIGNS = (
    "cannot create already existing resource",
    "AlreadyInUse",
    "AlreadyTaken",
    "VaultAlreadyExists",
    "RoleAssignmentExists",
    "deleted but recoverable state",
)
"""The words for it of azure-native, which checks before it creates a resource, and of Azure."""

_BUSY = ("StorageAccountOperationInProgress", "ContainerBeingDeleted")
"""Azure's codes while another request changes the account, and while a container is being deleted.

https://learn.microsoft.com/rest/api/storageservices/delete-container#remarks
"""

_ATTEMPTS = 10
_PAUSE = 10
"""Seconds between two attempts to change a storage account."""


@dataclass(frozen=True)
class Conflict:
    """One kind of resource that people may already have."""

    label: str
    """The resource in a message, with `{name}` for its name."""

    named_by: str
    """The input that holds its name."""

    failure: Failure
    """What the conflict means, and the ways out."""

    can_be_adopted: bool = True

    def message(self, name: str, **known: str) -> str:
        """Return the error for the resource of this name, with the ways out and the `known` names in them."""
        lines = [
            f"{self.label.format(name=name)} already exists; this deployment would create it.",
            self.failure.why,
            ways_out(self.failure, **known),
            "To manage it with Pulumi: docs/adopt.md" if self.can_be_adopted else "",
        ]
        return "\n".join(filter(None, lines))


RESOURCE_GROUP = Conflict("The resource group {name}", "resourceGroupName", deployments.RESOURCE_GROUP_EXISTS)
CONTAINER = Conflict("The container {name}", "containerName", deployments.CONTAINER_EXISTS)
LIFECYCLE_RULES = Conflict(
    "The lifecycle rules of the storage account", "", deployments.LIFECYCLE_RULES_EXIST, can_be_adopted=False
)
SECRET = Conflict("The secret {name}", "secretName", deployments.SECRET_EXISTS)
PIPELINES = {
    direction: Conflict(
        f"The {direction} pipeline {{name}}", f"{direction}PipelineName", deployments.PIPELINE_EXISTS
    )
    for direction in Direction
}
IDENTITY = Conflict("The identity {name}", "resourceName", deployments.IDENTITY_EXISTS, can_be_adopted=False)
GRANT = Conflict("The permission of the pipeline's identity", "", deployments.GRANT_EXISTS)
ROLE = Conflict("The role of the pipeline's identity", "", deployments.ROLE_EXISTS)
REGISTRY = Conflict(
    "The registry name {name}", "registryName", deployments.REGISTRY_NAME_TAKEN, can_be_adopted=False
)
STORAGE_ACCOUNT = Conflict(
    "The storage account name {name}", "accountName", deployments.ACCOUNT_NAME_TAKEN, can_be_adopted=False
)
VAULT = Conflict("The key vault name {name}", "vaultName", deployments.VAULT_NAME_TAKEN, can_be_adopted=False)


def explain_conflict(conflict: Conflict, name: str, opts: ResourceOptions) -> ResourceOptions:
    """Return the options with a hook that explains the conflict if the resource already exists.

    `name` is the resource's in the program. The engine itself shows only Azure's error, and so does an engine
    without error hooks.
    """

    async def report(failure: ErrorHookArgs) -> bool:
        if any(sign in each for each in failure.errors for sign in _SIGNS):
            inputs = failure.new_inputs or {}
            message = conflict.message(visible_line(str(inputs.get(conflict.named_by, ""))), **_grant(inputs))
            pulumi.log.error(f"{message}\n{await _interrupted(failure, opts)}".rstrip(), opts.parent)
        return False

    hooks = ResourceHookBinding(on_error=retry_hooks(f"{name}-exists", report))
    return ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))


def _grant(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The names of a role assignment in its way out; empty for any other resource."""
    if not (role := str(inputs.get("roleDefinitionId") or "")):
        return {}
    principal, scope = str(inputs.get("principalId") or ""), str(inputs.get("scope") or "").strip("/")
    return {"principal": principal, "role": role.rpartition("/")[2], "scope": f"/{scope}"}


async def _interrupted(failure: ErrorHookArgs, opts: ResourceOptions) -> str:
    """The way out if a killed deployment created the resource; empty if its ID is unknown."""
    found = re.search(deployments.INTERRUPTED_CREATION.pattern, failure.errors[0])
    if not found or not opts.parent:
        return ""
    known = {"type": failure.type, "resource": failure.name, "id": found[1]}
    known["parent"] = str(await Output.from_input(opts.parent.urn).future())
    if provider := await _provider(failure.type, opts.parent):
        cause = deployments.INTERRUPTED_CREATION_WITH_PROVIDER
        return f"{cause.why}\n{ways_out(cause, **known, provider=provider)}"
    cause = deployments.INTERRUPTED_CREATION
    return f"{cause.why}\n{ways_out(cause, **known)}"


async def _provider(typ: str, parent: pulumi.Resource) -> str:
    """The URN of the explicit provider of a resource; empty for a default provider."""
    if explicit := parent.get_provider(typ):
        return str(await Output.from_input(explicit.urn).future())
    package = typ.partition(":")[0]
    if package == "azure-native":
        return ""
    # A parameterized package has a provider of its own, which the pipeline has created before.
    recorded = await recorded_resources(parent) or {}
    wanted = f"pulumi:providers:{package}"
    return next((urn for urn, each in recorded.items() if each["type"] == wanted), "")


def retry_conflicts(name: str, opts: ResourceOptions) -> ResourceOptions:
    """Return the options with a hook that repeats a request while the account or container is being changed.

    `name` is the resource's in the program. The hook waits ten seconds before each of at most nine
    repetitions. Others change an account too, such as Azure Policy. azure-native does not repeat these
    requests, and an engine without error hooks does not either.
    """

    async def retry(failure: ErrorHookArgs) -> bool:
        if not any(code in failure.errors[0] for code in _BUSY) or len(failure.errors) >= _ATTEMPTS:
            return False
        await asyncio.sleep(_PAUSE)
        return True

    hooks = ResourceHookBinding(on_error=retry_hooks(f"{name}-busy", retry))
    return ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))
