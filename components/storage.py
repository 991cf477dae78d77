"""Where exported images wait: a storage account with one container."""

from typing import TypedDict

import pulumi
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import storage


class StorageArgs(TypedDict):
    """Where the container is."""

    resource_group_name: Input[str]
    """The resource group of the new storage account."""

    container_name: Input[str]
    """The container's name: 3 to 63 lower case letters, digits and single hyphens."""


class Storage(pulumi.ComponentResource):
    """A storage account for images in transit, closed but for signed https requests, and its container."""

    account_name: Output[str]
    """The account's globally unique name, kept as long as the account is."""

    container_name: Output[str]
    """The container's name."""

    container_url: Output[str]
    """The container's address, as the account says, without a slash at the end."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Storage", name, None, opts)
        account = self._account(name, args["resource_group_name"])
        container = storage.BlobContainer(
            f"{name}-container",
            account_name=account.name,
            container_name=args["container_name"],
            resource_group_name=args["resource_group_name"],
            public_access=storage.PublicAccess.NONE,
            # A container goes with its account: nothing to ask for, whatever is in it.
            opts=ResourceOptions(parent=self, deleted_with=account),
        )
        self.account_name = account.name
        self.container_name = container.name
        endpoint = account.primary_endpoints.apply(lambda found: found.blob.rstrip("/"))
        self.container_url = Output.concat(endpoint, "/", container.name)
        self.register_outputs(
            {
                "accountName": self.account_name,
                "containerName": self.container_name,
                "containerUrl": self.container_url,
            }
        )

    def _account(self, name: str, resource_group_name: Input[str]) -> storage.StorageAccount:
        return storage.StorageAccount(
            name,
            account_name=unique_name(f"{name}-name", "transfer", resource_group_name, self),
            resource_group_name=resource_group_name,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # A SAS token is signed with the account's key.
            allow_shared_key_access=True,
            opts=ResourceOptions(parent=self),
        )


def unique_name(
    name: str, prefix: str, resource_group_name: Input[str], parent: pulumi.Resource
) -> Output[str]:
    """Return `prefix` and twelve random lower case letters and digits: with 8 to 12 before, legal everywhere.

    The name stays as it is until the resource group is another one.
    """
    group = Output.from_input(resource_group_name)
    suffix = random.RandomString(
        name,
        length=12,
        special=False,
        upper=False,
        # Azure does not mind the case of a resource group's name, so neither does the suffix.
        keepers={"resourceGroup": group.apply(lambda text: text.lower())},
        opts=ResourceOptions(parent=parent),
    )
    return suffix.result.apply(lambda text: f"{prefix}{text}")
