"""What both sides have: a place where blobs wait, and the token that opens it unless identities do."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import resources

from .access import AccountKey, StorageAccess, VaultAccess
from .choices import Direction
from .conflicts import RESOURCE_GROUP, unless_there
from .sas import SasSecret
from .sas_expiry import WARNED_SHARE
from .storage import Storage
from .vault import Vault


class StagingArgs(TypedDict):
    """Where the new resources go, what is there already, and which way images go through them."""

    resource_group_name: Input[str]
    """The resource group of everything new."""

    create_resource_group: bool
    """Whether the resource group is made too, or is there already."""

    location: NotRequired[str]
    """The region of everything new; by default azure-native's own location."""

    storage_account: NotRequired[str]
    """The storage account that is there already, by its name or its resource ID; by default one is made."""

    container_name: Input[str]
    """The container that blobs wait in."""

    create_container: NotRequired[bool]
    """Whether the container is made too; by default it is."""

    blob_retention_days: NotRequired[int]
    """After how many days without a change a new account deletes a blob of the container; by default 60."""

    direction: Direction
    """Whether images are exported to the container or imported from it."""

    deletes_blobs: NotRequired[bool]
    """Whether the import pipeline deletes a blob that it has imported; by default it does not."""

    storage_access: NotRequired[StorageAccess]
    """How pipelines get into the container; by default with a SAS token, which needs a vault."""

    vault: NotRequired[str]
    """The vault that is there already, by its name or its resource ID; by default one is made."""

    vault_access: NotRequired[VaultAccess]
    """How the vault decides who may read; by default with access policies."""

    purge_protection: NotRequired[bool]
    """Whether nobody can wipe a new vault before 90 days are over; by default so."""

    protect: NotRequired[bool]
    """Whether a new account and a new vault are protected against an accidental deletion; by default not."""

    sas_expiry: NotRequired[str]
    """When the SAS token ends: a time with a zone, such as 2027-01-31T00:00:00Z; needed for a token."""

    sas_key: NotRequired[AccountKey]
    """The account's key that signs the token; by default key1."""

    sas_secret_name: NotRequired[Input[str]]
    """The name of the vault's secret that holds the SAS token; needed for a token."""

    sas_warned_share: NotRequired[int]
    """With less than this share of the token's life left, deployments warn; in percent, by default 20."""


class Staging(pulumi.ComponentResource):
    """A container where images wait between two registries, and a vault with the SAS token that opens it."""

    container_url: Output[str]
    """The container's address, without a SAS token."""

    container_id: Output[str]
    """The container's resource ID."""

    sas_secret_uri: Output[str | None]
    """The URI of the secret that holds the SAS token, without a version; none without a token."""

    vault_name: Output[str | None]
    """The vault that holds the secret; none without a token."""

    vault_resource_group_name: Output[str | None]
    """The vault's resource group; none without a token."""

    resource_group_name: Output[str]
    """The resource group of everything new."""

    def __init__(self, name: str, args: StagingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Staging", name, None, opts)
        self._vault: Vault | None = None
        self._secret: SasSecret | None = None
        self.resource_group_name = self._resource_group(name, args)
        storage = self._storage(name, args)
        self.container_url, self.container_id = storage.container_url, storage.container_id
        if args.get("storage_access") != StorageAccess.MANAGED_IDENTITY:
            self._vault = self._place_for_token(name, args)
            self._secret = self._token(name, args, storage, self._vault)
        nothing = Output.from_input(None)
        self.sas_secret_uri = self._secret.secret_uri if self._secret else nothing
        self.vault_name = self._vault.vault_name if self._vault else nothing
        self.vault_resource_group_name = self._vault.vault_resource_group_name if self._vault else nothing
        self.register_outputs(
            {
                "containerUrl": self.container_url,
                "containerId": self.container_id,
                "sasSecretUri": self.sas_secret_uri,
                "vaultName": self.vault_name,
                "vaultResourceGroupName": self.vault_resource_group_name,
                "resourceGroupName": self.resource_group_name,
            }
        )

    @property
    def vault(self) -> Vault | None:
        """The vault with the token; none without one."""
        return self._vault

    @property
    def secret(self) -> SasSecret | None:
        """The token's secret; none without one."""
        return self._secret

    def _resource_group(self, name: str, args: StagingArgs) -> Output[str]:
        if not args["create_resource_group"]:
            return Output.from_input(args["resource_group_name"])
        group = resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=args["resource_group_name"],
            location=args.get("location") or None,
            opts=unless_there(RESOURCE_GROUP, f"{name}-group", ResourceOptions(parent=self)),
        )
        return group.name

    def _storage(self, name: str, args: StagingArgs) -> Storage:
        return Storage(
            f"{name}-storage",
            {
                "resource_group_name": self.resource_group_name,
                "location": args.get("location", ""),
                "container_name": args["container_name"],
                "create_container": args.get("create_container", True),
                "account": args.get("storage_account", ""),
                "storage_access": args.get("storage_access", StorageAccess.SAS_TOKEN),
                "blob_retention_days": args.get("blob_retention_days", 60),
                "protect": args.get("protect", False),
            },
            ResourceOptions(parent=self),
        )

    def _place_for_token(self, name: str, args: StagingArgs) -> Vault:
        return Vault(
            f"{name}-vault",
            {
                "resource_group_name": self.resource_group_name,
                "location": args.get("location", ""),
                "vault": args.get("vault", ""),
                "vault_access": args.get("vault_access", VaultAccess.ACCESS_POLICY),
                "purge_protection": args.get("purge_protection", True),
                "protect": args.get("protect", False),
            },
            ResourceOptions(parent=self),
        )

    def _token(self, name: str, args: StagingArgs, storage: Storage, vault: Vault) -> SasSecret:
        return SasSecret(
            f"{name}-sas",
            {
                "account_name": storage.account_name,
                "account_resource_group_name": storage.account_resource_group_name,
                "account_key": args.get("sas_key", AccountKey.KEY1),
                "container_name": storage.container_name,
                "vault_name": vault.vault_name,
                "vault_resource_group_name": vault.vault_resource_group_name,
                "vault_uri": vault.vault_uri,
                "secret_name": args["sas_secret_name"],
                "direction": args["direction"],
                "deletes_blobs": args.get("deletes_blobs", False),
                "expiry": args["sas_expiry"],
                "warned_share": args.get("sas_warned_share", WARNED_SHARE),
            },
            # To delete a secret takes a right inside the vault, which those who deploy need not have, and a
            # way into a closed one. So it stays in a vault of ours, which takes it along when it goes. The
            # engine hands this down to the secret.
            ResourceOptions(parent=self, retain_on_delete=True if vault.resource else None),
        )
