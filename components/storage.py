"""The container for images in transit, in a new storage account or in an existing one."""

from dataclasses import dataclass
from typing import NoReturn

import pulumi
import pulumi_random as random
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import storage

from acr_transfer.model.resource_ids import ResourceId

from . import defaults
from .advice import change
from .argument_rules import check_arguments
from .arguments import ContainerSelection, Placement, has
from .choices import StorageAccess
from .conflicts import CONTAINER, STORAGE_ACCOUNT, explain_conflict

SOFT_DELETE_DAYS = 7
"""The days for which a deleted blob or container of a new account can be restored."""

SAS_PERIOD = "07.00:00:00"
"""The longest life of a SAS token that a new account does not log: days.hours:minutes:seconds."""


class StorageError(pulumi.RunError):
    """A storage account or container cannot be used; the message gives the reason and the fix."""


class StorageArgs(Placement, ContainerSelection):
    """The storage account and its container."""


@dataclass(frozen=True)
class _Account:
    name: Output[str]
    resource_group: Output[str]
    blob_endpoint: Output[str]
    """As the account reports it, without a slash at the end."""

    created: storage.StorageAccount | None = None


class Storage(pulumi.ComponentResource):
    """A container for images in transit; a new account for it accepts only authorized https requests."""

    storage_account: Output[str]
    """The account's globally unique name."""

    storage_account_resource_group: Output[str]
    """The account's resource group."""

    container: Output[str]
    """The container's name."""

    container_id: Output[str]
    """The container's resource ID, the scope of role assignments."""

    container_url: Output[str]
    """The container's URL, on the account's own endpoint, without a slash at the end."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        """Create the container and its account, or read existing ones; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:Storage", name, None, opts)
        check_arguments(f"Storage {name}", args, StorageArgs)
        account = self._existing(args) if has(args, "storage_account") else self._new(name, args)
        self.storage_account = account.name
        self.storage_account_resource_group = account.resource_group
        self.container, self.container_id = self._container(name, args, account)
        self.container_url = Output.concat(account.blob_endpoint, "/", self.container)
        self.register_outputs(
            {
                "storageAccount": self.storage_account,
                "storageAccountResourceGroup": self.storage_account_resource_group,
                "container": self.container,
                "containerId": self.container_id,
                "containerUrl": self.container_url,
            }
        )

    def _existing(self, args: StorageArgs) -> _Account:
        """Read an account; its outputs fail with a `StorageError` if it is missing or refuses the access."""
        account_name, group = name_and_group(args["storage_account"], args["resource_group"])
        answer = storage.get_storage_account_output(
            account_name=account_name, resource_group_name=group, opts=InvokeOutputOptions(parent=self)
        ).recover(lambda failure: _unreadable("storage account", args["storage_account"], failure))
        found = answer.apply(lambda known: _checked(known, args))
        return _Account(
            found.apply(lambda known: known.name),
            Output.all(group, found).apply(lambda both: str(both[0])),
            found.apply(lambda known: known.primary_endpoints.blob.rstrip("/")),
        )

    def _container(self, name: str, args: StorageArgs, account: _Account) -> tuple[Output[str], Output[str]]:
        container = args.get("container", defaults.CONTAINER)
        if not args.get("create_container", defaults.CREATE_CONTAINER):
            return self._existing_container(container, account)
        created = storage.BlobContainer(
            f"{name}-container",
            account_name=account.name,
            container_name=container,
            resource_group_name=account.resource_group,
            public_access=storage.PublicAccess.NONE,
            # The container is deleted together with its account, whatever it holds.
            opts=explain_conflict(
                CONTAINER,
                f"{name}-container",
                ResourceOptions(parent=self, deleted_with=account.created),
            ),
        )
        return created.name, created.id

    def _existing_container(self, name: Input[str], account: _Account) -> tuple[Output[str], Output[str]]:
        """Return a container's name and resource ID; they fail with a `StorageError` if it does not exist."""
        found = storage.get_blob_container_output(
            account_name=account.name,
            container_name=name,
            resource_group_name=account.resource_group,
            opts=InvokeOutputOptions(parent=self),
        ).recover(lambda failure: _unreadable("container", name, failure))
        return found.apply(lambda known: known.name), found.apply(lambda known: known.id)

    def _new(self, name: str, args: StorageArgs) -> _Account:
        group, opts = args["resource_group"], ResourceOptions(parent=self, protect=_protect(args))
        if has(args, "new_storage_account_name"):
            account_name: Input[str] = args["new_storage_account_name"]
            opts = explain_conflict(STORAGE_ACCOUNT, name, opts)
        else:
            account_name = unique_name(f"{name}-name", "transfer", group, self)
        created = storage.StorageAccount(
            name,
            account_name=account_name,
            resource_group_name=group,
            location=args.get("location") or None,
            tags=args.get("tags") or None,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # A SAS token is signed with the account's key; an identity needs no key.
            allow_shared_key_access=args.get("storage_access") != StorageAccess.MANAGED_IDENTITY,
            sas_policy=storage.SasPolicyArgs(
                expiration_action=storage.ExpirationAction.LOG, sas_expiration_period=SAS_PERIOD
            ),
            opts=opts,
        )
        self._blob_settings(name, args, created)
        endpoint = created.primary_endpoints.apply(lambda found: found.blob.rstrip("/"))
        return _Account(created.name, Output.from_input(group), endpoint, created)

    def _blob_settings(self, name: str, args: StorageArgs, account: storage.StorageAccount) -> None:
        """Deleted blobs can be restored for a week, and forgotten ones are deleted."""
        # Both are settings of the account: they cannot be created or deleted by themselves.
        opts = ResourceOptions(parent=self, deleted_with=account)
        week = storage.DeleteRetentionPolicyArgs(enabled=True, days=SOFT_DELETE_DAYS)
        storage.BlobServiceProperties(
            f"{name}-blobs",
            account_name=account.name,
            resource_group_name=args["resource_group"],
            blob_services_name="default",
            delete_retention_policy=week,
            container_delete_retention_policy=week,
            opts=opts,
        )
        storage.ManagementPolicy(
            f"{name}-cleanup",
            account_name=account.name,
            resource_group_name=args["resource_group"],
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(rules=[_cleanup_rule(args)]),
            opts=opts,
        )


def unique_name(name: str, prefix: str, resource_group: Input[str], parent: pulumi.Resource) -> Output[str]:
    """Return `prefix` and 12 random lower case letters and digits: a globally unique name.

    The name changes only with the resource group.
    """
    group = Output.from_input(resource_group)
    suffix = random.RandomString(
        name,
        length=12,
        special=False,
        upper=False,
        # Azure ignores the letter case of a resource group's name, and so does the suffix.
        keepers={"resourceGroup": group.apply(lambda text: text.lower())},
        opts=ResourceOptions(parent=parent),
    )
    return suffix.result.apply(lambda text: f"{prefix}{text}")


def _protect(args: Placement) -> bool:
    return args.get("protect", defaults.PROTECT)


def _checked(found: storage.GetStorageAccountResult, args: StorageArgs) -> storage.GetStorageAccountResult:
    with_token = args.get("storage_access", defaults.STORAGE_ACCESS) == StorageAccess.SAS_TOKEN
    if with_token and found.allow_shared_key_access is False:
        raise StorageError(
            f"Storage account {found.name} refuses its keys, but a key signs the SAS token.\n"
            f"To use the pipeline's identity: {change('storage_access', StorageAccess.MANAGED_IDENTITY)}\n"
            f"To allow keys: az storage account update --name {found.name} --allow-shared-key-access true"
        )
    return found


def name_and_group(given: Input[str], resource_group: Input[str]) -> tuple[Output[str], Output[str]]:
    """Return the name and the resource group of a resource that is given by its name or its resource ID."""
    found = Output.from_input(given).apply(ResourceId.of)
    return (
        found.apply(lambda known: known.name),
        # The group may be unknown in a preview: an ID does not need it.
        found.apply(lambda known: Output.from_input(known.resource_group or resource_group)),
    )


def shown(given: Input[str]) -> str:
    """Return a name for a message, after a space; empty if only the deployment knows it."""
    return f" {ResourceId.of(given).name}" if isinstance(given, str) else ""


def _unreadable(kind: str, given: Input[str], failure: Exception) -> NoReturn:
    raise StorageError(
        f"The {kind}{shown(given)} cannot be read: {failure}\n"
        "Give the name of one in the resource group, or the resource ID of one in the same subscription."
    ) from failure


def _cleanup_rule(args: StorageArgs) -> storage.ManagementPolicyRuleArgs:
    """https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-configure."""
    age = storage.DateAfterModificationArgs(
        days_after_modification_greater_than=args.get("blob_retention_days", defaults.BLOB_RETENTION_DAYS)
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
                blob_types=["blockBlob"],
                prefix_match=[Output.concat(args.get("container", defaults.CONTAINER), "/")],
            ),
        ),
    )
