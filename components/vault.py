"""The key vault that holds the SAS token: a new one or an existing one."""

import pulumi
from pulumi import InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from . import defaults
from .advice import change
from .argument_rules import check_arguments
from .arguments import Placement, VaultSelection, has
from .choices import VaultAccess
from .conflicts import VAULT
from .existing import ExistingResourceError, global_name, name_and_group, unreadable


class VaultArgs(Placement, VaultSelection):
    """The key vault."""


class Vault(pulumi.ComponentResource):
    """A key vault; a new one is closed to networks and can be recovered for 90 days after its deletion."""

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
                enable_rbac_authorization=_access(args) == VaultAccess.RBAC,
                enable_soft_delete=True,
                soft_delete_retention_in_days=90,
                # Azure does not accept false: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
                enable_purge_protection=args.get("purge_protection", defaults.PURGE_PROTECTION) or None,
                # ACR and Azure Resource Manager are trusted services, which pass the firewall:
                # https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass=keyvault.NetworkRuleBypassOptions.AZURE_SERVICES,
                    default_action=keyvault.NetworkRuleAction.DENY,
                ),
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
        found = answer.apply(lambda known: _checked(known, _access(args)))
        self.vault = found.apply(lambda known: known.name)
        self.vault_resource_group = Output.all(group, found).apply(lambda both: str(both[0]))
        self.vault_uri = found.apply(lambda known: _uri(known.properties))
        self.vault_urn = Output.from_input(None)


def _access(args: VaultArgs) -> str:
    return args.get("vault_access", defaults.VAULT_ACCESS)


def _uri(found: keyvault.outputs.VaultPropertiesResponse) -> str:
    """Azure writes it with or without a slash at the end."""
    return (found.vault_uri or "").rstrip("/")


def _checked(found: keyvault.GetVaultResult, access: str) -> keyvault.GetVaultResult:
    rbac = found.properties.enable_rbac_authorization
    actual = VaultAccess.RBAC if rbac else VaultAccess.ACCESS_POLICY
    if actual != access:
        models = {
            VaultAccess.RBAC: ("RBAC", "an access policy"),
            VaultAccess.ACCESS_POLICY: ("access policies", "a role"),
        }
        model, other = models[actual]
        raise ExistingResourceError(
            f"Vault {found.name} uses {model}; {other} has no effect.\n"
            f"To match the vault: {change('vault_access', actual)}"
        )
    return found
