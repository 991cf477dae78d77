"""The registry of a side: an existing one is read and never changed; a new one is safe by default."""

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from . import defaults
from .arguments import SideArgs
from .conflicts import REGISTRY, explain_conflict
from .existing import ExistingResourceError


@dataclass(frozen=True)
class Registry:
    """The properties of a registry that a transfer needs."""

    name: str
    location: str
    login_server: str


def create_registry(
    name: str, args: SideArgs, resource_group: Input[str], parent: pulumi.Resource
) -> Output[Registry]:
    """Create a Premium registry without an admin user and without anonymous pull; images may leave it."""
    opts = ResourceOptions(parent=parent, protect=args.get("protect", defaults.PROTECT))
    created = containerregistry.Registry(
        name,
        registry_name=args["registry"],
        resource_group_name=resource_group,
        location=args.get("location") or None,
        tags=args.get("tags") or None,
        sku=containerregistry.SkuArgs(name=containerregistry.SkuName.PREMIUM),
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        opts=explain_conflict(REGISTRY, name, opts),
    )
    return Output.all(created.name, created.location, created.login_server).apply(
        lambda known: Registry(*known)
    )


def existing_registry(
    name: Input[str], resource_group_name: Input[str], *, exports: bool, parent: pulumi.Resource
) -> Output[Registry]:
    """Read a registry and check that it can export images (`exports`) or import them.

    The output fails with an `ExistingResourceError` if the registry does not exist, is not Premium, or must
    export but has its export policy disabled. Resources that take this output are not created then.

    https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
    """
    found = containerregistry.get_registry_output(
        registry_name=name,
        resource_group_name=resource_group_name,
        opts=pulumi.InvokeOutputOptions(parent=parent),
    ).recover(_unreadable)
    return Output.all(name, found).apply(lambda both: _checked(both[0], both[1], exports))


def _unreadable(failure: Exception) -> containerregistry.GetRegistryResult:
    raise ExistingResourceError(
        f"The registry cannot be read: {failure}\n"
        "Give the name and the resource group of an existing registry, in the subscription of the deployment."
    ) from failure


def _checked(name: str, found: containerregistry.GetRegistryResult, exports: bool) -> Registry:
    if found.sku.name.lower() != "premium":
        raise ExistingResourceError(
            f"Registry {name} is in the {found.sku.name} tier; ACR Transfer needs Premium.\n"
            f"To change the tier: az acr update --name {name} --sku Premium"
        )
    if exports and _forbids_exports(found):
        raise ExistingResourceError(
            f"The export policy of registry {name} is disabled: images cannot leave it.\n"
            f"To enable exports: az acr update --name {name} --allow-exports true"
        )
    return Registry(name, found.location, found.login_server)


def _forbids_exports(found: containerregistry.GetRegistryResult) -> bool:
    policy = found.policies.export_policy if found.policies else None
    return bool(policy and policy.status and policy.status.lower() == "disabled")
