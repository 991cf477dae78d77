"""What both pipelines need before they can run: an identity, and the right to get into their container."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Alias, Input, Output, ResourceOptions

from .access import StorageAccess, VaultAccess
from .choices import Direction
from .conflicts import PIPELINE, unless_there
from .grants import Role, assign, let_read_secrets, once_granted
from .identity import SYSTEM, identity_id


class PipelineAccess(TypedDict):
    """The part of a pipeline's arguments that both kinds share."""

    registry_name: Input[str]
    registry_resource_group_name: Input[str]
    container_url: Input[str]
    storage_access: NotRequired[StorageAccess]
    container_id: NotRequired[Input[str]]
    sas_secret_uri: NotRequired[Input[str]]
    vault_name: NotRequired[Input[str]]
    vault_resource_group_name: NotRequired[Input[str]]
    vault_access: NotRequired[VaultAccess]
    identity: NotRequired[str]
    identity_resource_group_name: NotRequired[Input[str]]


class PipelineArgsError(pulumi.RunError):
    """A pipeline lacks an argument that its way of access needs."""


def is_managed(args: PipelineAccess) -> bool:
    """Whether the pipeline uses its identity; raises `PipelineArgsError` if its way lacks an argument."""
    managed = args.get("storage_access") == StorageAccess.MANAGED_IDENTITY
    needed = ("container_id",) if managed else ("sas_secret_uri", "vault_name", "vault_resource_group_name")
    missing = [key for key in needed if not args.get(key)]
    if missing:
        access = StorageAccess.MANAGED_IDENTITY if managed else StorageAccess.SAS_TOKEN
        raise PipelineArgsError(f"A pipeline with storage access {access} needs {', '.join(missing)}.")
    return managed


def user_identity(
    name: str, args: PipelineAccess, pipeline_name: Input[str], location: Input[str], parent: pulumi.Resource
) -> Input[str] | None:
    """Return the resource ID of the pipeline's user-assigned identity; none means system-assigned.

    A new one is named by registry and pipeline.
    """
    return identity_id(
        f"{name}-identity",
        args.get("identity") or SYSTEM,
        Output.concat(args["registry_name"], "-", pipeline_name),
        args.get("identity_resource_group_name") or args["registry_resource_group_name"],
        location,
        parent,
    )


_WAY = {Direction.EXPORT: "target.storageAccessMode", Direction.IMPORT: "source.storageAccessMode"}
"""The input that says which way a pipeline gets into its container."""


def same_as(name: str, direction: Direction, typ: str, parent: pulumi.Resource) -> ResourceOptions:
    """Return options for a pipeline that has another type, `typ`, when its way of access is changed.

    It is the same pipeline under the same name, so the old one goes first. Updating it in place would be
    wrong: an older API version does not know what to switch off.
    """
    own = ResourceOptions(
        parent=parent,
        aliases=[Alias(type_=typ)],
        replace_on_changes=[_WAY[direction]],
        delete_before_replace=True,
    )
    return unless_there(PIPELINE[direction], name, own)


def let_in(
    name: str,
    args: PipelineAccess,
    pipeline_id: Output[str],
    principal: Output[str],
    role: Role,
    parent: pulumi.Resource,
    vault: pulumi.Resource | None,
) -> Output[str]:
    """Give the identity's principal its right; return the pipeline's ID once that is done."""
    grant: pulumi.CustomResource
    if args.get("storage_access") == StorageAccess.MANAGED_IDENTITY:
        own = ResourceOptions(parent=parent)
        grant = assign(f"{name}-uses-container", role, principal, args["container_id"], own)
    else:
        grant = let_read_secrets(
            f"{name}-reads-sas",
            principal,
            args["vault_name"],
            args["vault_resource_group_name"],
            args.get("vault_access", VaultAccess.ACCESS_POLICY),
            ResourceOptions(parent=parent, deleted_with=vault),
        )
    return once_granted(pipeline_id, grant)
