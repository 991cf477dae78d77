"""The key vault that holds the SAS token: a new one or an existing one."""

from typing import NotRequired

import pulumi
from pulumi import InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from acr_transfer.model.failures import deployments
from acr_transfer.model.vault_firewall import VaultFirewall, vault_firewall

from . import defaults
from .advice import ways_out
from .argument_rules import check_arguments
from .arguments import Placement, VaultSelection, has, is_sovereign, vault_access_of
from .choices import VaultAccess
from .conflicts import VAULT
from .existing import ExistingResourceError, global_name, name_and_group, unreadable


class VaultArgs(Placement, VaultSelection):
    """The key vault."""

    user_assigned: NotRequired[bool]
    """Whether the identity that reads the token is user-assigned; false by default."""


class Vault(pulumi.ComponentResource):
    """A key vault; a new one can be recovered for 90 days after its deletion."""

    vault: Output[str]
    """The vault's globally unique name."""

    vault_resource_group: Output[str]
    """The vault's resource group."""

    vault_uri: Output[str]
    """The vault's URI, as the vault reports it, without a slash at the end."""

    vault_urn: Output[str | None]
    """The URN of a new vault; none for an existing one."""

    def __init__(self, name: str, args: VaultArgs, opts: ResourceOptions | None = None) -> None:
        """Create a vault or read an existing one; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:Vault", name, None, opts)
        check_arguments(f"Vault {name}", args, VaultArgs)
        self.is_new = not has(args, "vault")
        if self.is_new:
            self._create(name, args)
        else:
            self._read(args)
        self.register_outputs(
            {
                "vault": self.vault,
                "vaultResourceGroup": self.vault_resource_group,
                "vaultUri": self.vault_uri,
                "vaultUrn": self.vault_urn,
            }
        )

    def _create(self, name: str, args: VaultArgs) -> None:
        client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=self))
        vault_name, opts = global_name(name, args, "new_vault_name", "transfer-", VAULT, self)
        created = keyvault.Vault(
            name,
            vault_name=vault_name,
            resource_group_name=args["resource_group"],
            location=args.get("location") or None,
            tags=args.get("tags") or None,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=client.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=vault_access_of(args) == VaultAccess.RBAC,
                enable_soft_delete=True,
                soft_delete_retention_in_days=90,
                # Azure does not accept false: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
                enable_purge_protection=args.get("purge_protection", defaults.PURGE_PROTECTION) or None,
                network_acls=_network_rules(args.get("vault_addresses")),
            ),
            opts=opts,
        )
        self.vault = created.name
        self.vault_resource_group = Output.from_input(args["resource_group"])
        self.vault_uri = created.properties.apply(_uri)
        self.vault_urn = Output.from_input(created.urn)

    def _read(self, args: VaultArgs) -> None:
        vault_name, group = name_and_group(args["vault"], args["resource_group"])
        answer = keyvault.get_vault_output(
            vault_name=vault_name, resource_group_name=group, opts=InvokeOutputOptions(parent=self)
        ).recover(lambda failure: unreadable("key vault", args["vault"], failure))
        found = answer.apply(lambda known: _checked(known, args))
        self.vault = found.apply(lambda known: known.name)
        self.vault_resource_group = Output.all(group, found).apply(lambda both: str(both[0]))
        self.vault_uri = found.apply(lambda known: _uri(known.properties))
        self.vault_urn = Output.from_input(None)


def _network_rules(addresses: list[str] | None) -> keyvault.NetworkRuleSetArgs:
    """The firewall of a new vault; it is open unless addresses are listed.

    Azure's lists of trusted services name ACR for customer-managed keys only, so a closed vault may refuse a
    pipeline: https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
    """
    action = keyvault.NetworkRuleAction
    return keyvault.NetworkRuleSetArgs(
        bypass=keyvault.NetworkRuleBypassOptions.AZURE_SERVICES,
        default_action=action.ALLOW if addresses is None else action.DENY,
        ip_rules=[keyvault.IPRuleArgs(value=each) for each in addresses or []] or None,
    )


def _uri(found: keyvault.outputs.VaultPropertiesResponse) -> str:
    """Azure writes it with or without a slash at the end."""
    return (found.vault_uri or "").rstrip("/")


def _checked(found: keyvault.GetVaultResult, args: VaultArgs) -> keyvault.GetVaultResult:
    """The vault; raises an `ExistingResourceError` if its permission model or firewall is unsuitable."""
    properties = found.properties
    actual = VaultAccess.RBAC if properties.enable_rbac_authorization else VaultAccess.ACCESS_POLICY
    if actual != vault_access_of(args):
        raise ExistingResourceError(_other_model(found.name, actual))
    rules = properties.network_acls
    firewall = vault_firewall(
        properties.public_network_access or "",
        (rules and rules.default_action) or "",
        (rules and rules.bypass) or "",
    )
    if firewall is VaultFirewall.CLOSED or (
        firewall is VaultFirewall.TRUSTED_SERVICES and args.get("user_assigned")
    ):
        raise ExistingResourceError(
            f"The firewall of vault {found.name} refuses the identity of the pipeline.\n"
            f"{ways_out(deployments.EXISTING_VAULT_CLOSED, vault=found.name)}"
        )
    return found


def _other_model(vault: str, actual: VaultAccess) -> str:
    """The message about a vault whose permission model is not that of the arguments."""
    if actual == VaultAccess.RBAC:
        failure = deployments.VAULT_USES_ROLES
    elif is_sovereign():
        failure = deployments.VAULT_POLICIES_SOVEREIGN
    else:
        failure = deployments.VAULT_USES_POLICIES
    model = "RBAC" if actual == VaultAccess.RBAC else "access policies"
    return f"Vault {vault} uses {model}. {failure.why}\n{ways_out(failure, vault=vault)}"
