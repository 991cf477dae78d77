"""The rights that a pipeline needs: to read one vault's secrets, or to use one container; nothing else."""

from enum import StrEnum

import pulumi
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from .access import VaultAccess
from .choices import Direction
from .conflicts import GRANT, unless_there


class Role(StrEnum):
    """Azure's built-in roles, by the ID that they have in every cloud.

    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    """

    VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    """Key Vault Secrets User."""

    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    """Storage Blob Data Contributor."""

    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    """Storage Blob Data Reader."""


def let_read_secrets(
    name: str,
    principal: Input[str],
    vault_name: Input[str],
    resource_group_name: Input[str],
    access: VaultAccess,
    opts: ResourceOptions,
) -> pulumi.CustomResource:
    """Let a principal get secrets of a vault, in the way that the vault knows.

    https://learn.microsoft.com/azure/key-vault/general/rbac-access-policy
    """
    client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=opts.parent))
    if access == VaultAccess.RBAC:
        vault = Output.format(
            "/subscriptions/{0}/resourceGroups/{1}/providers/Microsoft.KeyVault/vaults/{2}",
            client.subscription_id,
            resource_group_name,
            vault_name,
        )
        return assign(name, Role.VAULT_SECRETS_USER, principal, vault, opts)
    return keyvault.AccessPolicy(
        name,
        vault_name=vault_name,
        resource_group_name=resource_group_name,
        policy=keyvault.AccessPolicyEntryArgs(
            object_id=principal,
            tenant_id=client.tenant_id,
            permissions=keyvault.PermissionsArgs(secrets=[keyvault.SecretPermissions.GET]),
        ),
        opts=unless_there(GRANT, name, opts),
    )


def container_role(direction: Direction, *, deletes_blobs: bool) -> Role:
    """Return the least role that a pipeline can work with: an import that leaves its blobs only reads."""
    writes = direction == Direction.EXPORT or deletes_blobs
    return Role.BLOB_CONTRIBUTOR if writes else Role.BLOB_READER


def assign(
    name: str, role: Role, principal: Input[str], scope: Input[str], opts: ResourceOptions
) -> authorization.RoleAssignment:
    """Give a managed identity's principal a role at one resource.

    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template
    """
    client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=opts.parent))
    return authorization.RoleAssignment(
        name,
        # Without its first slash, as it is read from the ID of an assignment that is taken over: else that
        # one would be replaced.
        scope=Output.from_input(scope).apply(lambda id: id.strip("/")),
        principal_id=principal,
        # Without it Azure looks a new identity up in a directory that may not know it yet, and refuses.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=Output.format(
            "/subscriptions/{0}/providers/Microsoft.Authorization/roleDefinitions/{1}",
            client.subscription_id,
            str(role),
        ),
        # No update of a role is possible, and the same one cannot be assigned twice.
        opts=ResourceOptions.merge(
            unless_there(GRANT, name, opts),
            ResourceOptions(replace_on_changes=["roleDefinitionId"], delete_before_replace=True),
        ),
    )


def once_granted(pipeline_id: Output[str], grant: pulumi.CustomResource) -> Output[str]:
    """Return the pipeline's ID as soon as its identity has the right: a run needs both."""
    return Output.all(pipeline_id, grant.id).apply(lambda ids: str(ids[0]))
