"""The right that a pipeline needs: to read secrets, and nothing else."""

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import authorization, containerregistry, keyvault


class IdentityError(pulumi.RunError):
    """A pipeline has no identity that could be given a right."""


def principal_id(identity: containerregistry.outputs.IdentityPropertiesResponse | None) -> str:
    """Return the principal of a system-assigned identity, or raise `IdentityError`."""
    if identity is None or not identity.principal_id:
        raise IdentityError(
            "The pipeline has no system-assigned identity, so nobody could be let into the vault.\n"
            "Delete the pipeline, then deploy the stack again: it makes the pipeline with an identity."
        )
    return identity.principal_id


def let_read_secrets(
    name: str,
    principal: Input[str],
    vault_name: Input[str],
    resource_group_name: Input[str],
    opts: ResourceOptions,
) -> keyvault.AccessPolicy:
    """Let a principal get secrets of an access policy vault.

    https://learn.microsoft.com/azure/key-vault/general/assign-access-policy
    """
    client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=opts.parent))
    return keyvault.AccessPolicy(
        name,
        vault_name=vault_name,
        resource_group_name=resource_group_name,
        policy=keyvault.AccessPolicyEntryArgs(
            object_id=principal,
            tenant_id=client.tenant_id,
            permissions=keyvault.PermissionsArgs(secrets=[keyvault.SecretPermissions.GET]),
        ),
        opts=opts,
    )


def once_granted(pipeline_id: Output[str], grant: keyvault.AccessPolicy) -> Output[str]:
    """Return the pipeline's ID as soon as its identity has the right: a run needs both."""
    return Output.all(pipeline_id, grant.id).apply(lambda ids: str(ids[0]))
