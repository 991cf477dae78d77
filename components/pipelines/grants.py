"""The permissions of a pipeline: on a vault or a container, and on a registry with roles on repositories."""

from datetime import timedelta

import pulumi
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from acr_transfer.model.options import Direction
from acr_transfer.model.roles import Role, registry_role

from .. import defaults
from ..argument_rules import Fault, check_arguments, option_faults
from ..arguments import PipelineArgs, has, has_repository_permissions, uses_token, vault_access_of
from ..choices import StorageAccess, VaultAccess
from ..conflicts import GRANT, ROLE, explain_conflict
from ..sdk import resource_of
from .role_delay import once_applied


def check_pipeline(component: str, args: PipelineArgs, kind: type, direction: Direction) -> None:
    """Raise one `ArgumentError` for all faults of a pipeline's plain arguments."""
    if uses_token(args):
        access, needed = StorageAccess.SAS_TOKEN, ["sas_secret_uri", "vault", "vault_resource_group"]
    else:
        access, needed = StorageAccess.MANAGED_IDENTITY, ["container_id"]
    faults = [Fault.of(name, None, f"a value: {access} needs it") for name in needed if not has(args, name)]
    check_arguments(component, args, kind, *faults, *option_faults(args, direction))


def grant_access(
    name: str,
    args: PipelineArgs,
    pipeline_id: Output[str],
    principal: Output[str],
    role: Role,
    direction: Direction,
    parent: pulumi.Resource,
) -> Output[str]:
    """Grant the principal its permissions; return the pipeline's ID once that is done: a run needs them.

    `role` is the one on the container, for a pipeline that uses its identity there.
    """
    if uses_token(args):
        grant = _grant_secrets(f"{name}-reads-sas", args, principal, parent)
    else:
        opts = ResourceOptions(parent=parent)
        grant = assign_role(f"{name}-uses-container", role, principal, args["container_id"], opts)
    grants = [grant]
    if has_repository_permissions(args):
        grants.append(_grant_registry(f"{name}-uses-registry", args, principal, direction, parent))
    if pulumi.runtime.is_dry_run():
        # A new permission has no ID yet, and would show the runs of an existing pipeline as replaced.
        return pipeline_id
    granted = Output.all(pipeline_id, *(each.id for each in grants)).apply(lambda ids: str(ids[0]))
    wait = timedelta(seconds=int(args.get("role_wait_seconds", defaults.ROLE_WAIT_SECONDS)))
    for each in grants:
        if isinstance(each, authorization.RoleAssignment):
            granted = once_applied(granted, each, wait)
    return granted


def _grant_registry(
    name: str, args: PipelineArgs, principal: Input[str], direction: Direction, parent: pulumi.Resource
) -> pulumi.CustomResource:
    """Let a principal read or write the repositories of a registry with roles on repositories."""
    client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=parent))
    scope = Output.format(
        "/subscriptions/{0}/resourceGroups/{1}/providers/Microsoft.ContainerRegistry/registries/{2}",
        client.subscription_id,
        args["registry_resource_group"],
        args["registry"],
    )
    return assign_role(name, registry_role(direction), principal, scope, ResourceOptions(parent=parent))


def _grant_secrets(
    name: str, args: PipelineArgs, principal: Input[str], parent: pulumi.Resource
) -> pulumi.CustomResource:
    """Let a principal get the secrets of a vault, by the vault's permission model.

    https://learn.microsoft.com/azure/key-vault/general/rbac-access-policy
    """
    client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=parent))
    vault = resource_of(args["vault_urn"]) if has(args, "vault_urn") else None
    opts = ResourceOptions(parent=parent, deleted_with=vault)
    if vault_access_of(args) == VaultAccess.RBAC:
        scope = Output.format(
            "/subscriptions/{0}/resourceGroups/{1}/providers/Microsoft.KeyVault/vaults/{2}",
            client.subscription_id,
            args["vault_resource_group"],
            args["vault"],
        )
        return assign_role(name, Role.VAULT_SECRETS_USER, principal, scope, opts)
    return keyvault.AccessPolicy(
        name,
        vault_name=args["vault"],
        resource_group_name=args["vault_resource_group"],
        policy=keyvault.AccessPolicyEntryArgs(
            object_id=principal,
            tenant_id=client.tenant_id,
            permissions=keyvault.PermissionsArgs(secrets=[keyvault.SecretPermissions.GET]),
        ),
        opts=explain_conflict(GRANT, name, opts),
    )


def assign_role(
    name: str, role: Role, principal: Input[str], scope: Input[str], opts: ResourceOptions
) -> authorization.RoleAssignment:
    """Assign a role at one resource to a managed identity's principal.

    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template
    """
    client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=opts.parent))
    return authorization.RoleAssignment(
        name,
        # Without its first slash, as azure-native reads it from the ID of an adopted assignment, which would
        # otherwise be replaced.
        scope=Output.from_input(scope).apply(lambda id: id.strip("/")),
        principal_id=principal,
        # Without it Azure looks a new identity up in a directory that may not have it yet, and fails.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=Output.format(
            "/subscriptions/{0}/providers/Microsoft.Authorization/roleDefinitions/{1}",
            client.subscription_id,
            str(role),
        ),
        # A role cannot be updated, and the same one cannot be assigned twice.
        opts=ResourceOptions.merge(
            explain_conflict(ROLE, name, opts),
            ResourceOptions(replace_on_changes=["roleDefinitionId"], delete_before_replace=True),
        ),
    )
