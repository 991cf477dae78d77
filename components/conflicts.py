"""Errors for resources that already exist where this program would create them."""

import asyncio
from dataclasses import dataclass

import pulumi
from pulumi import ErrorHookArgs, ResourceHookBinding, ResourceOptions

from acr_transfer.model.failures import deployments
from acr_transfer.model.failures.failure import Failure
from acr_transfer.model.options import Direction
from acr_transfer.model.visible_text import visible_line

from .advice import ways_out
from .sdk import error_hooks, retry_hooks

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

    def message(self, name: str) -> str:
        """Return the error for the resource of this name, with the ways out."""
        lines = [
            f"{self.label.format(name=name)} already exists; this deployment would create it.",
            self.failure.why,
            ways_out(self.failure),
            "To manage it with Pulumi: docs/adopt.md" if self.can_be_adopted else "",
        ]
        return "\n".join(filter(None, lines))


RESOURCE_GROUP = Conflict("The resource group {name}", "resourceGroupName", deployments.RESOURCE_GROUP_EXISTS)
CONTAINER = Conflict("The container {name}", "containerName", deployments.CONTAINER_EXISTS)
SECRET = Conflict("The secret {name}", "secretName", deployments.SECRET_EXISTS)
PIPELINES = {
    direction: Conflict(
        f"The {direction} pipeline {{name}}", f"{direction}PipelineName", deployments.PIPELINE_EXISTS
    )
    for direction in Direction
}
IDENTITY = Conflict("The identity {name}", "resourceName", deployments.IDENTITY_EXISTS, can_be_adopted=False)
GRANT = Conflict("The permission of the pipeline's identity", "", deployments.GRANT_EXISTS)
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

    def report(failure: ErrorHookArgs) -> None:
        if any(sign in each for each in failure.errors for sign in _SIGNS):
            taken = str((failure.new_inputs or {}).get(conflict.named_by, ""))
            pulumi.log.error(conflict.message(visible_line(taken)), opts.parent)

    hooks = ResourceHookBinding(on_error=error_hooks(f"{name}-exists", report))
    return ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))


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
