"""The arguments of the components. Each one is declared once, in the part that it belongs to.

A component's arguments inherit from their parts, so that a side passes its own on unchanged. The schema of
the hosted package takes the descriptions from here too; see `components/__main__.py`.
"""

import os
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeVar, cast

import pulumi
from pulumi import Input

from acr_transfer.model.clouds import is_sovereign_cloud
from acr_transfer.model.options import Direction, TriggerStatus
from acr_transfer.model.roles import RoleAssignmentMode

from . import defaults
from .choices import AccountKey, StorageAccess, VaultAccess

Args = TypeVar("Args")


class Placement(TypedDict):
    """Where new resources go, and what they have in common."""

    resource_group: Input[str]
    """The resource group of all new resources. Required."""

    location: NotRequired[Input[str]]
    """The region of all new resources; that of azure-native's configuration by default. A pipeline is in the
    region of its registry."""

    tags: NotRequired[Input[dict[str, str]]]
    """The tags of all new resources that can have tags, a map of text."""

    protect: NotRequired[bool]
    """Protect a new registry, storage account and vault against deletion by Pulumi."""


class RegistrySelection(TypedDict):
    """The registry of a side."""

    create_resource_group: NotRequired[bool]
    """Create the resource group (default); false if it exists."""

    registry: Input[str]
    """The Premium registry, by its name of 5 to 50 letters and digits. An existing one is read and never
    changed. Required."""

    registry_resource_group: NotRequired[Input[str]]
    """The registry's resource group; resource_group by default."""

    create_registry: NotRequired[bool]
    """Create the registry: Premium, without an admin user and without anonymous pull."""

    registry_role_assignment_mode: NotRequired[RoleAssignmentMode]
    """The role assignment mode of the registry, LegacyRegistryPermissions (default) or
    AbacRepositoryPermissions; that of an existing registry must match. With AbacRepositoryPermissions the
    pipeline's identity gets a role on the registry. Another value replaces a created registry and deletes its
    images; protect prevents that."""


class ContainerSelection(TypedDict):
    """The container that holds exported images, and its storage account."""

    storage_account: NotRequired[Input[str]]
    """An existing storage account, by its name in resource_group or by its resource ID. By default a new
    one is created."""

    new_storage_account_name: NotRequired[Input[str]]
    """The name of the new storage account; transfer and 12 random letters and digits by default."""

    container: NotRequired[Input[str]]
    """The blob container for images in transit, 3 to 63 lower case letters, digits and single hyphens."""

    create_container: NotRequired[bool]
    """Create the container (default); false if it exists."""

    blob_retention_days: NotRequired[int]
    """The age in days, 1 to 3650, at which a new storage account deletes unchanged blobs of the container. A
    trigger ignores blobs older than 60 days."""

    storage_access: NotRequired[StorageAccess]
    """How the pipeline accesses the container. SasToken (default): with a SAS token from a key vault.
    ManagedIdentity: with the pipeline's identity, without token and vault."""


class VaultSelection(TypedDict):
    """The key vault that holds the SAS token."""

    vault: NotRequired[Input[str]]
    """An existing key vault, by its name in resource_group or by its resource ID. By default a new one is
    created. SasToken only."""

    new_vault_name: NotRequired[Input[str]]
    """The name of the new vault; transfer- and 12 random letters and digits by default. SasToken only."""

    vault_access: NotRequired[VaultAccess]
    """The permission model of the vault, accessPolicy or rbac; that of an existing vault must match. By
    default accessPolicy, and rbac in the clouds usgovernment and china, where azure-native cannot write an
    access policy. SasToken only."""

    vault_addresses: NotRequired[list[str]]
    """The IPv4 addresses and ranges that reach a new vault; every network does by default. A list closes the
    vault to all others, apart from Azure's trusted services, and an empty list admits no address. It may shut
    the pipeline out too, and does so with a user-assigned identity. SasToken only."""

    purge_protection: NotRequired[bool]
    """Enable purge protection of a new vault (90 days, irreversible), which is the default. SasToken only."""


class TokenSettings(TypedDict):
    """The life of the SAS token."""

    sas_expiry: NotRequired[str]
    """The end of the SAS token, a time with its zone such as 2027-01-31T00:00:00Z. It is absolute, so that an
    unchanged deployment stays unchanged; a new time creates a new token. Required with SasToken."""

    sas_key: NotRequired[AccountKey]
    """The storage account's key that signs the token, key1 (default) or key2. Change it before that key is
    rotated. SasToken only."""

    sas_secret_name: NotRequired[Input[str]]
    """The vault secret that holds the SAS token; acrexportsas or acrimportsas by default. SasToken only."""

    sas_warning: NotRequired[int]
    """Preview and up warn when less than this share of the token's life is left, in percent, 0 to 99.
    SasToken only."""


class PipelineSettings(TypedDict):
    """A pipeline's name, identity and options."""

    identity: NotRequired[Input[str]]
    """The pipeline's managed identity: the resource ID of an existing user-assigned one. System-assigned by
    default."""

    create_identity: NotRequired[bool]
    """Create a user-assigned identity for the pipeline. It remains when the pipeline is replaced."""

    role_wait_seconds: NotRequired[int]
    """Runs start this long after a new role assignment of the pipeline's identity, 0 to 3600 seconds; 600 by
    default, within which Azure applies it. Longer if runs still fail with 403, shorter at your own risk."""

    pipeline: NotRequired[str]
    """The pipeline's name, 5 to 50 letters and digits; exportPipeline or importPipeline by default."""

    options: NotRequired[list[str]]
    """Pipeline options. Export: OverwriteBlobs (default), ContinueOnErrors. Import: OverwriteTags and
    DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors."""


class RunSettings(TypedDict):
    """How runs are started."""

    force_update_tag: NotRequired[Input[str]]
    """Any text. A new value starts every run again."""

    max_concurrent_runs: NotRequired[int]
    """The number of runs in progress at the same time, 1 to 1000."""


class SideArgs(
    Placement,
    RegistrySelection,
    ContainerSelection,
    VaultSelection,
    TokenSettings,
    PipelineSettings,
    RunSettings,
):
    """The arguments that both sides share."""


class PipelineLinks(TypedDict):
    """A pipeline's registry and container, and its access to the container."""

    registry: Input[str]
    """The Premium registry of the pipeline."""

    registry_resource_group: Input[str]
    """The registry's resource group."""

    registry_role_assignment_mode: NotRequired[RoleAssignmentMode]
    """The registry's role assignment mode; LegacyRegistryPermissions by default."""

    location: Input[str]
    """The registry's region, which is the pipeline's too."""

    resource_group: NotRequired[Input[str]]
    """The resource group of a new identity; by default the registry's."""

    tags: NotRequired[Input[dict[str, str]]]
    """The tags of a new identity."""

    container_url: Input[str]
    """The container's URL, without a SAS token."""

    storage_access: NotRequired[StorageAccess]
    """How the pipeline accesses the container; by default with a SAS token."""

    container_id: NotRequired[Input[str]]
    """The container's resource ID; required for access by managed identity."""

    sas_secret_uri: NotRequired[Input[str]]
    """The URI, without a version, of the vault secret that holds the SAS token; required with a token."""

    vault: NotRequired[Input[str]]
    """The name of the vault that holds the secret; required with a token."""

    vault_resource_group: NotRequired[Input[str]]
    """The vault's resource group; required with a token."""

    vault_access: NotRequired[VaultAccess]
    """The permission model of the vault; the default is that of a side."""

    vault_urn: NotRequired[Input[str]]
    """The URN of a vault that the same program creates: the pipeline's permission is deleted together with
    it."""


class PipelineArgs(PipelineLinks, PipelineSettings):
    """The arguments that both kinds of pipelines share."""


class TriggerSettings(TypedDict):
    """The trigger of an import pipeline."""

    source_trigger_status: NotRequired[TriggerStatus]
    """Enabled (default): the service imports each blob when it arrives. Disabled: only pipeline runs
    import."""


def uses_token(args: Mapping[str, Any]) -> bool:
    """Whether the pipeline accesses its container with a SAS token rather than with its identity."""
    return bool(args.get("storage_access", defaults.STORAGE_ACCESS) != StorageAccess.MANAGED_IDENTITY)


def is_sovereign() -> bool:
    """Whether the configured cloud is usgovernment or china.

    https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
    """
    variables = (os.environ.get(name) for name in ("ARM_ENVIRONMENT", "AZURE_ENVIRONMENT"))
    names = (pulumi.Config("azure-native").get("environment"), *variables)
    return is_sovereign_cloud(next(filter(None, names), ""))


def vault_access_of(args: Mapping[str, Any]) -> str:
    """Return the permission model of a side's vault."""
    default = VaultAccess.RBAC if is_sovereign() else VaultAccess.ACCESS_POLICY
    return str(args.get("vault_access") or default)


def has_user_identity(args: Mapping[str, Any]) -> bool:
    """Whether the pipeline has a user-assigned identity."""
    return has(args, "identity") or args.get("create_identity", defaults.CREATE_IDENTITY) is True


def has_repository_permissions(args: Mapping[str, Any]) -> bool:
    """Whether the registry has roles on repositories rather than on the whole registry."""
    mode = args.get("registry_role_assignment_mode", defaults.REGISTRY_ROLE_ASSIGNMENT_MODE)
    return bool(mode == RoleAssignmentMode.ABAC)


def options_of(args: Mapping[str, Any], direction: Direction) -> list[str]:
    """Return the options of a pipeline, by default those of its direction."""
    return list(args.get("options", defaults.OPTIONS[direction]))


def trigger_of(args: Mapping[str, Any]) -> str:
    """Return the status of an import pipeline's trigger: Enabled or Disabled."""
    return str(args.get("source_trigger_status", defaults.SOURCE_TRIGGER_STATUS))


def part_of(kind: type[Args], args: Mapping[str, object], **own: object) -> Args:
    """Return the arguments that a component takes, out of those of a side and its `own` values."""
    given = {**args, **own}
    return cast(Args, {name: given[name] for name in kind.__annotations__ if name in given})


def has(args: Mapping[str, object], name: str) -> bool:
    """Whether an argument has a value. Empty text does not count as a value, an output does."""
    empty: tuple[object, ...] = (None, "", [], {})
    return args.get(name) not in empty
