"""Errors for resources that already exist where this program would create them."""

import asyncio
from dataclasses import dataclass

import pulumi
from pulumi import ErrorHookArgs, ResourceHookBinding, ResourceOptions

from acr_transfer.model.options import Direction
from acr_transfer.model.visible_text import visible_line

from .advice import change
from .sdk import error_hooks, retry_hooks

_SIGNS = (
    "cannot create already existing resource",
    "AlreadyInUse",
    "AlreadyTaken",
    "VaultAlreadyExists",
    "RoleAssignmentExists",
)
"""The words for it of azure-native, which checks before it creates a resource, and of Azure."""

_BUSY = "StorageAccountOperationInProgress"
_ATTEMPTS = 10
_PAUSE = 10
"""Seconds between two attempts to change a storage account."""

_GLOBAL = "It may belong to another tenant: the name is part of a host name, which is unique in its cloud."


@dataclass(frozen=True)
class Conflict:
    """One kind of resource that people may already have."""

    label: str
    """The resource in a message, with `{name}` for its name."""

    named_by: str
    """The input that holds its name."""

    ways: tuple[tuple[str, str, str], ...] = ()
    """The ways out: a purpose, and the argument with the value that serves it."""

    can_be_adopted: bool = True
    note: str = ""

    def message(self, name: str) -> str:
        """Return the error for the resource of this name, with the ways out."""
        lines = [f"{self.label.format(name=name)} already exists; this deployment would create it."]
        lines += [self.note] if self.note else []
        lines += [f"{purpose}: {change(argument, value)}" for purpose, argument, value in self.ways]
        return "\n".join(lines + (["To manage it with Pulumi: docs/adopt.md"] if self.can_be_adopted else []))


RESOURCE_GROUP = Conflict(
    "The resource group {name}", "resourceGroupName", (("To use it", "create_resource_group", "false"),)
)
CONTAINER = Conflict("The container {name}", "containerName", (("To use it", "create_container", "false"),))
SECRET = Conflict("The secret {name}", "secretName", (("To use another name", "sas_secret_name", "<name>"),))
PIPELINES = {
    direction: Conflict(
        f"The {direction} pipeline {{name}}",
        f"{direction}PipelineName",
        (("To use another name", "pipeline", "<name>"),),
    )
    for direction in Direction
}
IDENTITY = Conflict(
    "The identity {name}",
    "resourceName",
    (("To use it", "create_identity", "false"), ("and", "identity", "<its resource ID>")),
    can_be_adopted=False,
)
GRANT = Conflict("The permission of the pipeline's identity", "")
REGISTRY = Conflict(
    "The registry name {name}",
    "registryName",
    (
        ("To use another name", "registry", "<name>"),
        ("If the registry is yours", "create_registry", "false"),
    ),
    can_be_adopted=False,
    note=_GLOBAL,
)
STORAGE_ACCOUNT = Conflict(
    "The storage account name {name}",
    "accountName",
    (("To use another name", "new_storage_account_name", "<name>"),),
    can_be_adopted=False,
    note=_GLOBAL,
)
VAULT = Conflict(
    "The key vault name {name}",
    "vaultName",
    (("To use another name", "new_vault_name", "<name>"),),
    can_be_adopted=False,
    note=f"{_GLOBAL}\nA deleted vault keeps its name until it is purged.",
)


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
    """Return the options with a hook that repeats a request while the storage account is being changed.

    `name` is the resource's in the program. The hook waits ten seconds before each of at most nine
    repetitions. Others change an account too, such as Azure Policy. azure-native does not repeat these
    requests, and an engine without error hooks does not either.
    """

    async def retry(failure: ErrorHookArgs) -> bool:
        if _BUSY not in failure.errors[0] or len(failure.errors) >= _ATTEMPTS:
            return False
        await asyncio.sleep(_PAUSE)
        return True

    hooks = ResourceHookBinding(on_error=retry_hooks(f"{name}-busy", retry))
    return ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))
