"""Where the SAS token is kept."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from .storage import unique_name


class VaultArgs(TypedDict):
    """Where the vault is."""

    resource_group_name: Input[str]
    """The resource group of the new vault."""


class Vault(pulumi.ComponentResource):
    """A key vault that access policies open, and that can be recovered for 90 days after its deletion."""

    vault_name: Output[str]
    """The vault's globally unique name, kept as long as the vault is."""

    vault_uri: Output[str]
    """The vault's address, as the vault says, without a slash at the end."""

    def __init__(self, name: str, args: VaultArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Vault", name, None, opts)
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        self._vault = keyvault.Vault(
            name,
            vault_name=unique_name(f"{name}-name", "transfer-", args["resource_group_name"], self),
            resource_group_name=args["resource_group_name"],
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=client.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=False,
                enable_soft_delete=True,
                soft_delete_retention_in_days=90,
            ),
            opts=ResourceOptions(parent=self),
        )
        self.vault_name = self._vault.name
        # Azure writes it with a slash at the end in one answer and without in the next.
        self.vault_uri = self._vault.properties.apply(lambda found: (found.vault_uri or "").rstrip("/"))
        self.register_outputs({"vaultName": self.vault_name, "vaultUri": self.vault_uri})

    @property
    def resource(self) -> keyvault.Vault:
        """The vault itself, for what is deleted together with it."""
        return self._vault
