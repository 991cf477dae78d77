"""The registry of a side: an existing one is read and never changed; a new one is safe by default."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Alias, Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.failures.checks import NOT_PREMIUM, REGISTRY_MISSING
from acr_transfer.model.failures.transfers import EXPORTS_DISABLED

from . import defaults
from .advice import ways_out
from .arguments import SideArgs, has_repository_permissions
from .conflicts import REGISTRY, explain_conflict
from .existing import ExistingResourceError
from .pipelines.preview_api import ABAC_REGISTRY, AbacRegistry

_DEFAULT_TYPE = "azure-native:containerregistry:Registry"
"""The type of a registry in azure-native's default API version."""


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
    by_repository = has_repository_permissions(args)
    opts = ResourceOptions(
        parent=parent,
        protect=args.get("protect", defaults.PROTECT),
        # The other mode is another type of azure-native. Without this a change of the mode would create a
        # registry of the same name, which is an update, and then delete it.
        aliases=[Alias(type_=_DEFAULT_TYPE if by_repository else ABAC_REGISTRY)],
        delete_before_replace=True,
    )
    given: dict[str, Any] = {
        "registry_name": args["registry"],
        "resource_group_name": resource_group,
        "location": args.get("location") or None,
        "tags": args.get("tags") or None,
    }
    create = AbacRegistry if by_repository else _default_registry
    created = create(name, **given, opts=explain_conflict(REGISTRY, name, opts))
    return Output.all(created.name, created.location, created.login_server).apply(
        lambda known: Registry(*known)
    )


def _default_registry(name: str, **given: Any) -> containerregistry.Registry:
    sku = containerregistry.SkuArgs(name=containerregistry.SkuName.PREMIUM)
    return containerregistry.Registry(
        name, sku=sku, admin_user_enabled=False, anonymous_pull_enabled=False, **given
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
        "Give the name and the resource group of an existing registry, in the deployment's subscription.\n"
        f"{ways_out(REGISTRY_MISSING)}"
    ) from failure


def _checked(name: str, found: containerregistry.GetRegistryResult, exports: bool) -> Registry:
    if found.sku.name.lower() != "premium":
        raise ExistingResourceError(
            f"Registry {name} is in the {found.sku.name} tier; ACR Transfer needs Premium.\n"
            f"{ways_out(NOT_PREMIUM, registry=name)}"
        )
    if exports and _forbids_exports(found):
        raise ExistingResourceError(
            f"The export policy of registry {name} is disabled: images cannot leave it.\n"
            f"{ways_out(EXPORTS_DISABLED, registry=name)}"
        )
    return Registry(name, found.location, found.login_server)


def _forbids_exports(found: containerregistry.GetRegistryResult) -> bool:
    policy = found.policies.export_policy if found.policies else None
    return bool(policy and policy.status and policy.status.lower() == "disabled")
