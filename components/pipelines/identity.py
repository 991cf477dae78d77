"""The managed identity of a pipeline: system-assigned, new or existing."""

from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry, managedidentity

from acr_transfer.model.options import Direction

from .. import defaults
from ..arguments import PipelineArgs, has
from ..conflicts import IDENTITY, explain_conflict
from ..sdk import known_if, none_if_missing

Identity = containerregistry.outputs.IdentityPropertiesResponse


class IdentityError(pulumi.RunError):
    """A pipeline has no identity that could get a permission."""


def user_assigned_identity(
    name: str, args: PipelineArgs, pipeline: Input[str], parent: pulumi.Resource
) -> Input[str] | None:
    """Return the resource ID of the pipeline's user-assigned identity; None means system-assigned.

    A new identity is named after the registry and the pipeline.
    """
    if not args.get("create_identity", defaults.CREATE_IDENTITY):
        return args["identity"] if has(args, "identity") else None
    created = managedidentity.UserAssignedIdentity(
        name,
        resource_name_=Output.concat(args["registry"], "-", pipeline),
        resource_group_name=args.get("resource_group") or args["registry_resource_group"],
        location=args["location"],
        tags=args.get("tags") or None,
        opts=explain_conflict(IDENTITY, name, ResourceOptions(parent=parent)),
    )
    return created.id


def identity_input(user_assigned: Input[str] | None) -> containerregistry.IdentityPropertiesArgs:
    """Return the `identity` of a pipeline's request.

    https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create
    """
    if user_assigned is None:
        return containerregistry.IdentityPropertiesArgs(
            type=containerregistry.ResourceIdentityType.SYSTEM_ASSIGNED
        )
    empty = containerregistry.UserIdentityPropertiesArgs()
    return containerregistry.IdentityPropertiesArgs(
        type=containerregistry.ResourceIdentityType.USER_ASSIGNED,
        user_assigned_identities=Output.from_input(user_assigned).apply(lambda id: {id: empty}),
    )


def principal_id(
    answered: Output[Identity | None],
    direction: Direction,
    pipeline: tuple[Input[str], Input[str], Input[str]],
    user_assigned: Input[str] | None,
    parent: pulumi.Resource,
) -> Output[str]:
    """Return the principal of a pipeline's identity; in a preview, that of the existing pipeline.

    The preview of a change has no answer from Azure, and would show a new permission and new runs where none
    will be created. `pipeline` is its name, its registry and the registry's resource group.
    """
    principal = answered.apply(_principal)
    if not pulumi.runtime.is_dry_run():
        return principal
    existing = _existing(direction, pipeline, parent).recover(none_if_missing)
    same = Output.all(existing, user_assigned).apply(
        lambda known: _unchanged_principal(known[0].identity, known[1]) if known[0] else ""
    )
    return known_if(principal, same, answered)


def _principal(identity: Identity | None) -> str:
    """The principal in an answer, where a user-assigned identity has it only in the map of identities."""
    if identity:
        users = (identity.user_assigned_identities or {}).values()
        for found in (identity.principal_id, *(each.principal_id for each in users)):
            if found:
                return found
    raise IdentityError(
        "The pipeline has no identity that could get a permission.\n"
        "Delete the pipeline, then deploy again: that creates the pipeline with an identity."
    )


def _existing(
    direction: Direction, pipeline: tuple[Input[str], Input[str], Input[str]], parent: pulumi.Resource
) -> Output[Any]:
    """The pipeline before this deployment; the output fails if it does not exist."""
    name, registry, group = pipeline
    opts = pulumi.InvokeOutputOptions(parent=parent)
    if direction == Direction.EXPORT:
        return containerregistry.get_export_pipeline_output(
            export_pipeline_name=name, registry_name=registry, resource_group_name=group, opts=opts
        )
    return containerregistry.get_import_pipeline_output(
        import_pipeline_name=name, registry_name=registry, resource_group_name=group, opts=opts
    )


def _unchanged_principal(existing: Identity | None, wanted: str | None) -> str:
    """The principal, unless this deployment changes the identity; empty then, as it is not known yet."""
    if existing is None:
        return ""
    users = {id.lower() for id in existing.user_assigned_identities or {}}
    return _principal(existing) if users == ({wanted.lower()} if wanted else set()) else ""
