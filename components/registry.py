"""The registry: one that is there already is read and never changed; a new one is safe by default."""

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from .conflicts import REGISTRY, unless_there


class RegistryError(pulumi.RunError):
    """A registry cannot take part in a transfer; the message says why and what to do."""


@dataclass(frozen=True)
class Registry:
    """What a transfer needs to know about a registry."""

    name: str
    location: str
    login_server: str


def created_registry(
    name: str,
    registry_name: Input[str],
    resource_group_name: Input[str],
    opts: ResourceOptions,
    location: str | None = None,
) -> Output[Registry]:
    """Make a Premium registry: no shared password, nobody pulls without a name, and images may leave it."""
    made = containerregistry.Registry(
        name,
        registry_name=registry_name,
        resource_group_name=resource_group_name,
        location=location,
        sku=containerregistry.SkuArgs(name=containerregistry.SkuName.PREMIUM),
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        opts=unless_there(REGISTRY, name, opts),
    )
    return Output.all(made.name, made.location, made.login_server).apply(lambda known: Registry(*known))


def existing_registry(
    name: Input[str], resource_group_name: Input[str], *, exports: bool, parent: pulumi.Resource
) -> Output[Registry]:
    """Read a registry and check that images can leave it (`exports`) or arrive in it.

    The output fails with a `RegistryError` if there is no such registry, if it is not Premium, or if
    its export policy keeps images in: so whatever is made with this output is not made at all then.

    https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
    """
    found = containerregistry.get_registry_output(
        registry_name=name,
        resource_group_name=resource_group_name,
        opts=pulumi.InvokeOutputOptions(parent=parent),
    ).recover(_unreadable)
    return Output.all(name, found).apply(lambda both: _checked(both[0], both[1], exports))


def _unreadable(failure: Exception) -> containerregistry.GetRegistryResult:
    raise RegistryError(
        f"The registry cannot be read: {failure}\n"
        "Give the name and the resource group of a registry that is there, in the subscription of this stack."
    ) from failure


def _checked(name: str, found: containerregistry.GetRegistryResult, exports: bool) -> Registry:
    if found.sku.name.lower() != "premium":
        raise RegistryError(
            f"Registry {name} is of the {found.sku.name} tier, and ACR Transfer needs Premium.\n"
            f"Change the tier, then try again: az acr update --name {name} --sku Premium"
        )
    if exports and _keeps_images_in(found):
        raise RegistryError(
            f"The export policy of registry {name} is disabled: no image may leave it.\n"
            f"If that is not meant so, allow it: az acr update --name {name} --allow-exports true"
        )
    return Registry(name, found.location, found.login_server)


def _keeps_images_in(found: containerregistry.GetRegistryResult) -> bool:
    policy = found.policies.export_policy if found.policies else None
    return bool(policy and policy.status and policy.status.lower() == "disabled")
