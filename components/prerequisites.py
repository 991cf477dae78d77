"""What a source side and a target side have in common."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from .access import AccountKey, StorageAccess, VaultAccess
from .choices import SECRET_NAMES, Direction
from .pipeline_access import PipelineAccess
from .registry import Registry, created_registry, existing_registry
from .sas_expiry import WARNED_SHARE
from .staging import Staging, StagingArgs


class SideArgs(TypedDict):
    """The part of a side's arguments that both kinds share.

    They are described there, all of them: the schema's descriptions are read from a class itself, and not
    from what it inherits.
    """

    resource_group_name: Input[str]
    create_resource_group: NotRequired[bool]
    location: NotRequired[str]
    registry_name: Input[str]
    registry_resource_group_name: NotRequired[Input[str]]
    create_registry: NotRequired[bool]
    storage_account: NotRequired[str]
    container_name: NotRequired[Input[str]]
    create_container: NotRequired[bool]
    blob_retention_days: NotRequired[int]
    storage_access: NotRequired[StorageAccess]
    vault: NotRequired[str]
    vault_access: NotRequired[VaultAccess]
    purge_protection: NotRequired[bool]
    protect: NotRequired[bool]
    sas_expiry: NotRequired[str]
    sas_key: NotRequired[AccountKey]
    sas_secret_name: NotRequired[Input[str]]
    sas_warned_share: NotRequired[int]
    identity: NotRequired[str]


class Entrance(PipelineAccess):
    """What a pipeline is told about its registry, its container and the way into it."""

    location: Input[str]


@dataclass(frozen=True)
class Ground:
    """What a pipeline stands on: a registry that is fit for it, and a container."""

    registry: Output[Registry]
    registry_resource_group: Input[str]
    staging: Staging

    @property
    def vault(self) -> pulumi.Resource | None:
        """The vault that this side has made, for what is deleted together with it."""
        return self.staging.vault.resource if self.staging.vault else None

    def entrance(self, args: SideArgs) -> Entrance:
        """What a pipeline of this side is told."""
        entrance: Entrance = {
            "registry_name": self.registry.apply(lambda found: found.name),
            "registry_resource_group_name": self.registry_resource_group,
            "location": self.registry.apply(lambda found: found.location),
            "identity": args.get("identity", ""),
            "identity_resource_group_name": self.staging.resource_group_name,
            "container_url": self.staging.container_url,
            "storage_access": args.get("storage_access", StorageAccess.SAS_TOKEN),
            "container_id": self.staging.container_id,
        }
        vault, secret = self.staging.vault, self.staging.secret
        if vault and secret:
            entrance["sas_secret_uri"] = secret.secret_uri
            entrance["vault_name"] = vault.vault_name
            entrance["vault_resource_group_name"] = vault.vault_resource_group_name
            entrance["vault_access"] = args.get("vault_access", VaultAccess.ACCESS_POLICY)
        return entrance


def ground(
    name: str, args: SideArgs, direction: Direction, parent: pulumi.Resource, *, deletes_blobs: bool = False
) -> Ground:
    """Find or make the registry and the container; nothing is made if a registry that is there is not fit."""
    given = args.get("registry_resource_group_name") or args["resource_group_name"]
    if not args.get("create_registry", False):
        exports = direction == Direction.EXPORT
        found = existing_registry(args["registry_name"], given, exports=exports, parent=parent)
        # Known only once the registry is seen to be fit: nothing is made before that.
        group = Output.all(args["resource_group_name"], found).apply(lambda known: str(known[0]))
        return Ground(found, given, _staging(name, args, group, direction, deletes_blobs, parent))
    own = Output.from_input(args["resource_group_name"])
    staging = _staging(name, args, own, direction, deletes_blobs, parent)
    beside = Output.all(given, own, staging.resource_group_name).apply(
        lambda known: known[2] if known[0].lower() == known[1].lower() else known[0]
    )
    made = created_registry(
        f"{name}-registry",
        args["registry_name"],
        beside,
        ResourceOptions(parent=parent, protect=args.get("protect", False)),
        args.get("location") or None,
    )
    return Ground(made, beside, staging)


def _staging(
    name: str,
    args: SideArgs,
    group: Output[str],
    direction: Direction,
    deletes_blobs: bool,
    parent: pulumi.Resource,
) -> Staging:
    given: StagingArgs = {
        "resource_group_name": group,
        "create_resource_group": args.get("create_resource_group", True),
        "location": args.get("location", ""),
        "storage_account": args.get("storage_account", ""),
        "container_name": args.get("container_name", "transfer"),
        "create_container": args.get("create_container", True),
        "blob_retention_days": args.get("blob_retention_days", 60),
        "direction": direction,
        "deletes_blobs": deletes_blobs,
        "storage_access": args.get("storage_access", StorageAccess.SAS_TOKEN),
        "vault": args.get("vault", ""),
        "vault_access": args.get("vault_access", VaultAccess.ACCESS_POLICY),
        "purge_protection": args.get("purge_protection", True),
        "protect": args.get("protect", False),
        "sas_expiry": args.get("sas_expiry", ""),
        "sas_key": args.get("sas_key", AccountKey.KEY1),
        "sas_secret_name": args.get("sas_secret_name", SECRET_NAMES[direction]),
        "sas_warned_share": args.get("sas_warned_share", WARNED_SHARE),
    }
    return Staging(f"{name}-staging", given, ResourceOptions(parent=parent))
