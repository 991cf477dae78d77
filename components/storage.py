"""Where exported images wait: a container in a new storage account, or in one that is there already."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import storage

from .access import StorageAccess
from .conflicts import CONTAINER, unless_there
from .existing_account import Account, existing_account, existing_container
from .resource_ids import unique_name

SOFT_DELETE_DAYS = 7
"""How long a deleted blob or container of a created account can be had back."""

SAS_PERIOD = "07.00:00:00"
"""The longest life of a SAS token that a new account does not log: days.hours:minutes:seconds."""


class StorageArgs(TypedDict):
    """Where the container is."""

    resource_group_name: Input[str]
    """The resource group of the storage account."""

    location: NotRequired[str]
    """The region of a new account; by default azure-native's own location."""

    container_name: Input[str]
    """The container's name: 3 to 63 lower case letters, digits and single hyphens."""

    create_container: NotRequired[bool]
    """Whether the container is made too; by default it is."""

    account: NotRequired[str]
    """The storage account that is there already, by its name or its resource ID; by default one is made."""

    storage_access: NotRequired[StorageAccess]
    """How pipelines get into the container; by default with a SAS token."""

    blob_retention_days: NotRequired[int]
    """After how many days without a change a new account deletes a blob of the container; by default 60."""

    protect: NotRequired[bool]
    """Whether a new account is protected against an accidental deletion; by default it is not."""


class Storage(pulumi.ComponentResource):
    """A container for images in transit; a new account for it is closed but for authorised https requests."""

    account_name: Output[str]
    """The account's globally unique name, kept as long as the account is."""

    account_resource_group_name: Output[str]
    """The account's resource group."""

    container_name: Output[str]
    """The container's name."""

    container_id: Output[str]
    """The container's resource ID, which roles are assigned at."""

    container_url: Output[str]
    """The container's address, as the account says, without a slash at the end."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:Storage", name, None, opts)
        account, owner = self._found_or_made(name, args)
        self.account_name = account.name
        self.account_resource_group_name = account.resource_group
        self.container_name, self.container_id = self._container(name, args, account, owner)
        self.container_url = Output.concat(account.blob_endpoint, "/", self.container_name)
        self.register_outputs(
            {
                "accountName": self.account_name,
                "accountResourceGroupName": self.account_resource_group_name,
                "containerName": self.container_name,
                "containerId": self.container_id,
                "containerUrl": self.container_url,
            }
        )

    def _found_or_made(self, name: str, args: StorageArgs) -> tuple[Account, storage.StorageAccount | None]:
        given = args.get("account")
        if given:
            access = args.get("storage_access", StorageAccess.SAS_TOKEN)
            return existing_account(given, args["resource_group_name"], access, self), None
        made = self._account(name, args)
        self._rules(name, args, made)
        endpoint = made.primary_endpoints.apply(lambda found: found.blob.rstrip("/"))
        return Account(made.name, Output.from_input(args["resource_group_name"]), made.id, endpoint), made

    def _container(
        self, name: str, args: StorageArgs, account: Account, owner: storage.StorageAccount | None
    ) -> tuple[Output[str], Output[str]]:
        if not args.get("create_container", True):
            return existing_container(args["container_name"], account, self)
        made = storage.BlobContainer(
            f"{name}-container",
            account_name=account.name,
            container_name=args["container_name"],
            resource_group_name=account.resource_group,
            public_access=storage.PublicAccess.NONE,
            # A container goes with its account: nothing to ask for, whatever is in it.
            opts=unless_there(
                CONTAINER, f"{name}-container", ResourceOptions(parent=self, deleted_with=owner)
            ),
        )
        return made.name, made.id

    def _account(self, name: str, args: StorageArgs) -> storage.StorageAccount:
        group = args["resource_group_name"]
        return storage.StorageAccount(
            name,
            account_name=unique_name(f"{name}-name", "transfer", group, self),
            resource_group_name=group,
            location=args.get("location") or None,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # A SAS token is signed with the account's key; an identity needs none.
            allow_shared_key_access=args.get("storage_access") != StorageAccess.MANAGED_IDENTITY,
            sas_policy=storage.SasPolicyArgs(
                expiration_action=storage.ExpirationAction.LOG, sas_expiration_period=SAS_PERIOD
            ),
            opts=ResourceOptions(parent=self, protect=args.get("protect", False)),
        )

    def _rules(self, name: str, args: StorageArgs, account: storage.StorageAccount) -> None:
        """Deleted blobs can be had back for a while, and forgotten ones do not stay for ever."""
        # Neither can be made or deleted by itself: they are the account's own settings.
        own = ResourceOptions(parent=self, deleted_with=account)
        storage.BlobServiceProperties(
            f"{name}-blobs",
            account_name=account.name,
            resource_group_name=args["resource_group_name"],
            blob_services_name="default",
            delete_retention_policy=_kept_for_a_week(),
            container_delete_retention_policy=_kept_for_a_week(),
            opts=own,
        )
        storage.ManagementPolicy(
            f"{name}-cleanup",
            account_name=account.name,
            resource_group_name=args["resource_group_name"],
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(rules=[_cleanup(args)]),
            opts=own,
        )


def _kept_for_a_week() -> storage.DeleteRetentionPolicyArgs:
    return storage.DeleteRetentionPolicyArgs(enabled=True, days=SOFT_DELETE_DAYS)


def _cleanup(args: StorageArgs) -> storage.ManagementPolicyRuleArgs:
    """https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-configure."""
    age = storage.DateAfterModificationArgs(
        days_after_modification_greater_than=args.get("blob_retention_days", 60)
    )
    return storage.ManagementPolicyRuleArgs(
        name="forgotten-transfers",
        enabled=True,
        type=storage.RuleType.LIFECYCLE,
        definition=storage.ManagementPolicyDefinitionArgs(
            actions=storage.ManagementPolicyActionArgs(
                base_blob=storage.ManagementPolicyBaseBlobArgs(delete=age)
            ),
            filters=storage.ManagementPolicyFilterArgs(
                blob_types=["blockBlob"], prefix_match=[Output.concat(args["container_name"], "/")]
            ),
        ),
    )
