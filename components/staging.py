"""What both sides have: a place where blobs wait, and the token that opens it."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import resources

from .direction import Direction
from .sas import SasSecret
from .storage import Storage
from .vault import Vault


class StagingArgs(TypedDict):
    """Where the new resources go, and which way images go through them."""

    resource_group_name: Input[str]
    """The resource group of everything new."""

    create_resource_group: bool
    """Whether the resource group is made too, or is there already."""

    container_name: Input[str]
    """The container that blobs wait in."""

    direction: Direction
    """Whether images are exported to the container or imported from it."""

    deletes_blobs: NotRequired[bool]
    """Whether the import pipeline deletes a blob that it has imported; by default it does not."""

    sas_expiry: str
    """When the SAS token ends: a time with a zone, such as 2027-01-31T00:00:00Z."""

    sas_secret_name: Input[str]
    """The name of the vault's secret that holds the SAS token."""


class Staging(pulumi.ComponentResource):
    """A container where images wait between two registries, and a vault with the SAS token that opens it."""

    container_url: Output[str]
    """The container's address, without a SAS token."""

    sas_secret_uri: Output[str]
    """The URI of the secret that holds the SAS token, without a version."""

    vault_name: Output[str]
    """The vault that holds the secret."""

    resource_group_name: Output[str]
    """The resource group of them all."""

    def __init__(self, name: str, args: StagingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Staging", name, None, opts)
        child = ResourceOptions(parent=self)
        self.resource_group_name = self._resource_group(name, args)
        group = self.resource_group_name
        storage = Storage(
            f"{name}-storage", {"resource_group_name": group, "container_name": args["container_name"]}, child
        )
        self._vault = Vault(f"{name}-vault", {"resource_group_name": group}, child)
        secret = self._secret(name, args, storage, self._vault)
        self.container_url = storage.container_url
        self.sas_secret_uri = secret.secret_uri
        self.vault_name = self._vault.vault_name
        self.register_outputs(
            {
                "containerUrl": self.container_url,
                "sasSecretUri": self.sas_secret_uri,
                "vaultName": self.vault_name,
                "resourceGroupName": self.resource_group_name,
            }
        )

    @property
    def vault(self) -> pulumi.Resource:
        """The vault itself, for what is deleted together with it."""
        return self._vault.resource

    def _resource_group(self, name: str, args: StagingArgs) -> Output[str]:
        if not args["create_resource_group"]:
            return Output.from_input(args["resource_group_name"])
        group = resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=args["resource_group_name"],
            opts=ResourceOptions(parent=self),
        )
        return group.name

    def _secret(self, name: str, args: StagingArgs, storage: Storage, vault: Vault) -> SasSecret:
        return SasSecret(
            f"{name}-sas",
            {
                "resource_group_name": self.resource_group_name,
                "account_name": storage.account_name,
                "container_name": storage.container_name,
                "vault_name": vault.vault_name,
                "vault_uri": vault.vault_uri,
                "secret_name": args["sas_secret_name"],
                "direction": args["direction"],
                "deletes_blobs": args.get("deletes_blobs", False),
                "expiry": args["sas_expiry"],
            },
            # To delete a secret takes a right inside the vault, which those who deploy need not have:
            # it is forgotten with its vault instead. The engine hands this down to the secret.
            ResourceOptions(parent=self, deleted_with=vault.resource),
        )
