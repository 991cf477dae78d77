"""Where the SAS token is kept: in a new key vault, or in one that is there already."""

from typing import NoReturn, NotRequired, TypedDict

import pulumi
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import authorization, keyvault

from .access import VaultAccess
from .resource_ids import Place, unique_name


class VaultError(pulumi.RunError):
    """A key vault cannot be used; the message says why and what to do."""


class VaultArgs(TypedDict):
    """Where the vault is."""

    resource_group_name: Input[str]
    """The resource group of the vault."""

    location: NotRequired[str]
    """The region of a new vault; by default azure-native's own location."""

    vault: NotRequired[str]
    """The vault that is there already, by its name or its resource ID; by default one is made."""

    vault_access: NotRequired[VaultAccess]
    """How the vault decides who may read; by default with access policies."""

    purge_protection: NotRequired[bool]
    """Whether nobody can wipe a new vault before 90 days are over; by default so, and never undone."""

    protect: NotRequired[bool]
    """Whether a new vault is protected against an accidental deletion; by default it is not."""


class Vault(pulumi.ComponentResource):
    """A key vault; a new one is closed to networks and can be recovered for 90 days after its deletion."""

    vault_name: Output[str]
    """The vault's globally unique name, kept as long as the vault is."""

    vault_resource_group_name: Output[str]
    """The vault's resource group."""

    vault_uri: Output[str]
    """The vault's address, as the vault says, without a slash at the end."""

    def __init__(self, name: str, args: VaultArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Vault", name, None, opts)
        self._vault: keyvault.Vault | None = None
        given = args.get("vault")
        if given:
            self._found(Place.of(given), args)
        else:
            self._made(name, args)
        self.register_outputs(
            {
                "vaultName": self.vault_name,
                "vaultResourceGroupName": self.vault_resource_group_name,
                "vaultUri": self.vault_uri,
            }
        )

    @property
    def resource(self) -> keyvault.Vault | None:
        """The vault itself, for what is deleted together with it; none if it was there already."""
        return self._vault

    def _made(self, name: str, args: VaultArgs) -> None:
        client = authorization.get_client_config_output(opts=InvokeOutputOptions(parent=self))
        group = args["resource_group_name"]
        self._vault = keyvault.Vault(
            name,
            vault_name=unique_name(f"{name}-name", "transfer-", group, self),
            resource_group_name=group,
            location=args.get("location") or None,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=client.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=_access(args) == VaultAccess.RBAC,
                enable_soft_delete=True,
                soft_delete_retention_in_days=90,
                # Azure takes no false here: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
                enable_purge_protection=True if args.get("purge_protection", True) else None,
                # ACR is one of the services that come past a closed door, and so is Azure Resource Manager:
                # https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass=keyvault.NetworkRuleBypassOptions.AZURE_SERVICES,
                    default_action=keyvault.NetworkRuleAction.DENY,
                ),
            ),
            opts=ResourceOptions(parent=self, protect=args.get("protect", False)),
        )
        self.vault_name = self._vault.name
        self.vault_resource_group_name = Output.from_input(group)
        self.vault_uri = self._vault.properties.apply(_uri)

    def _found(self, place: Place, args: VaultArgs) -> None:
        group = Output.from_input(place.resource_group or args["resource_group_name"])
        answer = keyvault.get_vault_output(
            vault_name=place.name, resource_group_name=group, opts=InvokeOutputOptions(parent=self)
        ).recover(lambda failure: _unreadable(place.name, failure))
        found = answer.apply(lambda known: _checked(known, _access(args)))
        self.vault_name = found.apply(lambda known: known.name)
        self.vault_resource_group_name = Output.all(group, found).apply(lambda both: str(both[0]))
        self.vault_uri = found.apply(lambda known: _uri(known.properties))


def _access(args: VaultArgs) -> VaultAccess:
    return args.get("vault_access", VaultAccess.ACCESS_POLICY)


def _uri(found: keyvault.outputs.VaultPropertiesResponse) -> str:
    """Azure writes it with a slash at the end in one answer and without in the next."""
    return (found.vault_uri or "").rstrip("/")


def _checked(found: keyvault.GetVaultResult, access: VaultAccess) -> keyvault.GetVaultResult:
    real = VaultAccess.RBAC if found.properties.enable_rbac_authorization else VaultAccess.ACCESS_POLICY
    if real is not access:
        raise VaultError(
            f"Vault {found.name} lets in by {real}; a grant by {access} would have no effect.\n"
            f"Say what the vault does: pulumi config set acr-transfer:vaultAccess {real}"
        )
    return found


def _unreadable(name: str, failure: Exception) -> NoReturn:
    raise VaultError(
        f"The key vault {name} cannot be read: {failure}\n"
        "Give the name of one in this stack's resource group, or the resource ID of one in its subscription."
    ) from failure
