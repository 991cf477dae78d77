"""Who a pipeline is: an identity that Azure makes with it, a new one, or one that is there already."""

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry, managedidentity

from .conflicts import IDENTITY, unless_there

SYSTEM = "system"
"""The identity that comes and goes with the pipeline."""

CREATE = "create"
"""A new user-assigned identity, which stays when the pipeline is made anew."""


class IdentityError(pulumi.RunError):
    """A pipeline has no identity that could be given a right."""


def identity_id(
    name: str,
    kind: str,
    identity_name: Input[str],
    resource_group_name: Input[str],
    location: Input[str] | None,
    parent: pulumi.Resource,
) -> Input[str] | None:
    """Return a user-assigned identity's resource ID, made here if asked for; none means system-assigned."""
    if kind == SYSTEM:
        return None
    if kind != CREATE:
        return kind
    made = managedidentity.UserAssignedIdentity(
        name,
        resource_name_=identity_name,
        resource_group_name=resource_group_name,
        location=location,
        opts=unless_there(IDENTITY, name, ResourceOptions(parent=parent)),
    )
    return made.id


def identity_of(user_assigned: Input[str] | None) -> containerregistry.IdentityPropertiesArgs:
    """Return what Azure is told about a pipeline's identity.

    https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create
    """
    if user_assigned is None:
        return containerregistry.IdentityPropertiesArgs(
            type=containerregistry.ResourceIdentityType.SYSTEM_ASSIGNED
        )
    nothing_more = containerregistry.UserIdentityPropertiesArgs()
    return containerregistry.IdentityPropertiesArgs(
        type=containerregistry.ResourceIdentityType.USER_ASSIGNED,
        user_assigned_identities=Output.from_input(user_assigned).apply(lambda id: {id: nothing_more}),
    )


def principal_id(identity: containerregistry.outputs.IdentityPropertiesResponse | None) -> str:
    """Return the principal of a pipeline's identity, or raise `IdentityError` if it has none.

    Azure says a user-assigned identity's principal in the map of identities alone.
    """
    if identity:
        users = (identity.user_assigned_identities or {}).values()
        found = [identity.principal_id, *(each.principal_id for each in users)]
        if any(found):
            return next(each for each in found if each)
    raise IdentityError(
        "The pipeline has no identity, so nobody could be let in.\n"
        "Delete the pipeline, then deploy the stack again: it makes the pipeline with an identity."
    )
