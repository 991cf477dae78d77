"""The container for images in transit, in a new storage account or in an existing one."""

from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi import InvokeOutputOptions, Output, ResourceOptions
from pulumi_azure_native import storage

from acr_transfer.model.failures.deployments import EXISTING_ACCOUNT_REFUSES_KEYS
from acr_transfer.model.times import format_time, parse_time

from . import defaults
from .advice import ways_out
from .argument_rules import check_arguments
from .arguments import ContainerSelection, Placement, has, uses_token
from .conflicts import CONTAINER, LIFECYCLE_RULES, STORAGE_ACCOUNT, explain_conflict, retry_conflicts
from .existing import ExistingResourceError, global_name, name_and_group, unreadable
from .sdk import none_if_missing

SOFT_DELETE_DAYS = 7
"""The days for which a deleted blob or container of a new account can be restored."""

SAS_PERIOD = "07.00:00:00"
"""The longest life of a SAS token that a new account does not log: days.hours:minutes:seconds."""

CREATED = "acr_transfer_created"
"""The metadata of a new container: the time of the deployment that created it."""


class StorageArgs(Placement, ContainerSelection):
    """The storage account and its container."""


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

    container_changed: Output[str]
    """The time since when the container exists: later than a run whose blob was lost together with the
    container. Of a container that somebody else created, the time of its last change."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        """Create the container and its account, or read existing ones; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:Storage", name, None, opts)
        check_arguments(f"Storage {name}", args, StorageArgs)
        created = None if has(args, "storage_account") else self._create(name, args)
        if not created:
            self._read(args)
        container = self._container(name, args, created)
        self.container, self.container_id = container.name, container.id
        last = self._blob_settings(name, args, created, container) if created else container
        # Once the account is idle: its keys are read then.
        self.storage_account = Output.all(self.storage_account, last.id).apply(lambda known: str(known[0]))
        self.container_url = Output.concat(self._blob_endpoint, "/", self.container)
        self.register_outputs(
            {
                "storageAccount": self.storage_account,
                "storageAccountResourceGroup": self.storage_account_resource_group,
                "container": self.container,
                "containerId": self.container_id,
                "containerUrl": self.container_url,
                "containerChanged": self.container_changed,
            }
        )

    def _create(self, name: str, args: StorageArgs) -> storage.StorageAccount:
        account_name, opts = global_name(
            name, args, "new_storage_account_name", "transfer", STORAGE_ACCOUNT, self
        )
        created = storage.StorageAccount(
            name,
            account_name=account_name,
            resource_group_name=args["resource_group"],
            location=args.get("location") or None,
            tags=args.get("tags") or None,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # A SAS token is signed with the account's key; an identity needs no key.
            allow_shared_key_access=uses_token(args),
            sas_policy=storage.SasPolicyArgs(
                expiration_action=storage.ExpirationAction.LOG, sas_expiration_period=SAS_PERIOD
            ),
            opts=opts,
        )
        self.storage_account = created.name
        self.storage_account_resource_group = Output.from_input(args["resource_group"])
        self._blob_endpoint = created.primary_endpoints.apply(lambda found: found.blob.rstrip("/"))
        return created

    def _read(self, args: StorageArgs) -> None:
        """Read an account; its outputs fail with an `ExistingResourceError` if it is unsuitable."""
        account_name, group = name_and_group(args["storage_account"], args["resource_group"])
        answer = storage.get_storage_account_output(
            account_name=account_name, resource_group_name=group, opts=InvokeOutputOptions(parent=self)
        ).recover(lambda failure: unreadable("storage account", args["storage_account"], failure))
        found = answer.apply(lambda known: _checked(known, args))
        self.storage_account = found.apply(lambda known: known.name)
        self.storage_account_resource_group = Output.all(group, found).apply(lambda both: str(both[0]))
        self._blob_endpoint = found.apply(lambda known: known.primary_endpoints.blob.rstrip("/"))

    def _container(
        self, name: str, args: StorageArgs, account: storage.StorageAccount | None
    ) -> storage.BlobContainer | Output[storage.GetBlobContainerResult]:
        """Create the container or read it; the outputs fail if it does not exist.

        The state of a stack does not show that its container was deleted, and azure-native may not refresh it
        (https://github.com/pulumi/pulumi-azure-native/issues/4841). New metadata sends the container again,
        which creates it.
        """
        container = args.get("container", defaults.CONTAINER)
        found: Output[Any] = storage.get_blob_container_output(
            account_name=self.storage_account,
            container_name=container,
            resource_group_name=self.storage_account_resource_group,
            opts=InvokeOutputOptions(parent=self),
        )
        if not args.get("create_container", defaults.CREATE_CONTAINER):
            existing = found.recover(lambda failure: unreadable("container", container, failure))
            self.container_changed = existing.apply(lambda known: known.last_modified_time)
            return existing
        now = format_time(datetime.now(UTC))
        before = found.recover(none_if_missing)
        self.container_changed = before.apply(lambda known: _since(known, now))
        # The container is deleted together with its account, whatever it holds.
        opts = ResourceOptions(parent=self, deleted_with=account)
        return storage.BlobContainer(
            f"{name}-container",
            account_name=self.storage_account,
            container_name=container,
            resource_group_name=self.storage_account_resource_group,
            public_access=storage.PublicAccess.NONE,
            metadata=before.apply(lambda known: _metadata(known, now)),
            opts=retry_conflicts(f"{name}-container", explain_conflict(CONTAINER, f"{name}-container", opts)),
        )

    def _blob_settings(
        self, name: str, args: StorageArgs, account: storage.StorageAccount, container: Any
    ) -> storage.ManagementPolicy:
        """Deleted blobs can be restored for a week, and forgotten ones are deleted.

        An account takes one change at a time, so each one waits for the one before.
        https://github.com/pulumi/pulumi-azure-native/issues/4761
        """
        week = storage.DeleteRetentionPolicyArgs(enabled=True, days=SOFT_DELETE_DAYS)
        service = storage.BlobServiceProperties(
            f"{name}-blobs",
            account_name=account.name,
            resource_group_name=args["resource_group"],
            blob_services_name="default",
            delete_retention_policy=week,
            container_delete_retention_policy=week,
            opts=self._setting(f"{name}-blobs", account, container),
        )
        return storage.ManagementPolicy(
            f"{name}-cleanup",
            account_name=account.name,
            resource_group_name=args["resource_group"],
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(rules=[_cleanup_rule(args)]),
            opts=explain_conflict(
                LIFECYCLE_RULES, f"{name}-cleanup", self._setting(f"{name}-cleanup", account, service)
            ),
        )

    def _setting(
        self, name: str, account: storage.StorageAccount, before: pulumi.Resource
    ) -> ResourceOptions:
        """The options of a setting of the account, which cannot be created or deleted by itself."""
        opts = ResourceOptions(parent=self, deleted_with=account, depends_on=[before])
        return retry_conflicts(name, opts)


def _metadata(found: storage.GetBlobContainerResult | None, now: str) -> dict[str, str] | None:
    """The metadata of the container: what it has, or that of a new one."""
    created = (found.metadata or {}).get(CREATED, "") if found else now
    return {CREATED: created} if created else None


def _since(found: storage.GetBlobContainerResult | None, now: str) -> str:
    """The time since when the container exists.

    Azure does not report it: the last change is later if somebody changed its metadata or access level, and
    the time in its metadata is later if the clock of the machine that created it was ahead of Azure's.
    """
    if not found:
        return now
    times = ((found.metadata or {}).get(CREATED, ""), found.last_modified_time)
    known = {time: each for each in times if (time := parse_time(each))}
    return known[min(known)] if known else ""


def _checked(found: storage.GetStorageAccountResult, args: StorageArgs) -> storage.GetStorageAccountResult:
    if uses_token(args) and found.allow_shared_key_access is False:
        raise ExistingResourceError(
            f"Storage account {found.name} refuses its keys, but a key signs the SAS token.\n"
            f"{ways_out(EXISTING_ACCOUNT_REFUSES_KEYS, account=found.name)}"
        )
    return found


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
