"""The storage account that is there already: read, checked and never managed."""

from dataclasses import dataclass
from typing import NoReturn

import pulumi
from pulumi import Input, InvokeOutputOptions, Output
from pulumi_azure_native import storage

from .access import StorageAccess
from .resource_ids import Place


class StorageError(pulumi.RunError):
    """A storage account or container cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """What a transfer needs to know about a storage account."""

    name: Output[str]
    resource_group: Output[str]
    id: Output[str]
    blob_endpoint: Output[str]
    """As the account says, without a slash at the end."""


def existing_account(
    name_or_id: str, resource_group_name: Input[str], access: StorageAccess, parent: pulumi.Resource
) -> Account:
    """Read a storage account by its name in the resource group, or by its resource ID.

    Every output fails with a `StorageError` if there is no such account or if it refuses this kind of access.
    """
    place = Place.of(name_or_id)
    group = Output.from_input(place.resource_group or resource_group_name)
    answer = storage.get_storage_account_output(
        account_name=place.name, resource_group_name=group, opts=InvokeOutputOptions(parent=parent)
    ).recover(lambda failure: _unreadable(f"storage account {place.name}", failure))
    found: Output[storage.GetStorageAccountResult] = answer.apply(lambda known: _checked(known, access))
    return Account(
        found.apply(lambda known: known.name),
        Output.all(group, found).apply(lambda both: str(both[0])),
        found.apply(lambda known: known.id),
        found.apply(lambda known: known.primary_endpoints.blob.rstrip("/")),
    )


def existing_container(
    name: Input[str], account: Account, parent: pulumi.Resource
) -> tuple[Output[str], Output[str]]:
    """Return the name and the resource ID of a container; they fail with a `StorageError` without one."""
    found = storage.get_blob_container_output(
        account_name=account.name,
        container_name=name,
        resource_group_name=account.resource_group,
        opts=InvokeOutputOptions(parent=parent),
    ).recover(lambda failure: _unreadable("container", failure))
    return found.apply(lambda known: known.name), found.apply(lambda known: known.id)


def _checked(
    found: storage.GetStorageAccountResult, access: StorageAccess
) -> storage.GetStorageAccountResult:
    if access == StorageAccess.SAS_TOKEN and found.allow_shared_key_access is False:
        raise StorageError(
            f"Storage account {found.name} refuses its keys, and a SAS token is signed with one.\n"
            "Use the pipeline's identity: pulumi config set acr-transfer:storageAccess ManagedIdentity\n"
            f"or allow keys: az storage account update --name {found.name} --allow-shared-key-access true"
        )
    return found


def _unreadable(what: str, failure: Exception) -> NoReturn:
    raise StorageError(
        f"The {what} cannot be read: {failure}\n"
        "Give the name of one in this stack's resource group, or the resource ID of one in its subscription."
    ) from failure
