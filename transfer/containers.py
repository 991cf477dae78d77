"""From a container's URL to a client that may read and write its blobs.

The account is found by its blob endpoint, so no cloud's host names are needed. Its key is asked from Resource
Manager, lives in memory alone and ends with the client: it is never printed, logged, stored or passed on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.mgmt.core.tools import parse_resource_id
from azure.mgmt.storage.aio import StorageManagementClient
from azure.storage.blob.aio import ContainerClient, ExponentialRetry

from transfer.clouds import Cloud
from transfer.errors import AccessError, MissingError, explained, host

_API_VERSION = "2024-01-01"
"""The version that the program deploys with; the library's own default is newer than some clouds."""


@asynccontextmanager
async def opened(
    url: str, subscription: str, cloud: Cloud, login: AsyncTokenCredential
) -> AsyncIterator[ContainerClient]:
    """A client for the container at `url`, signed in with a key of its storage account.

    Raises `MissingError` if no account of the subscription has that endpoint, `AccessError` if the caller may
    not list the accounts or their keys.
    """
    key = await _key_for(url, subscription, cloud, login)
    # Short first waits: a person is watching. Six tries within about 35 s.
    retry = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=5)
    async with ContainerClient.from_container_url(url, key, retry_policy=retry) as container:
        yield container


async def _key_for(
    url: str, subscription: str, cloud: Cloud, login: AsyncTokenCredential
) -> AzureNamedKeyCredential:
    manager = StorageManagementClient(
        login,
        subscription,
        cloud.resource_manager.rstrip("/"),
        credential_scopes=[cloud.scope],
        api_version=_API_VERSION,
    )
    async with manager:
        identifier, name = await _account_at(url, subscription, cloud, manager)
        return await _key_of(identifier, name, cloud, manager)


async def _account_at(
    url: str, subscription: str, cloud: Cloud, manager: StorageManagementClient
) -> tuple[str, str]:
    needs = f"to list the storage accounts of subscription {subscription} (the role Reader can)"
    with explained("looking for the storage account", host(cloud.resource_manager), needs=needs):
        async for account in manager.storage_accounts.list():
            endpoint = (account.primary_endpoints and account.primary_endpoints.blob) or ""
            if endpoint and account.id and account.name and _within(url, endpoint):
                return account.id, account.name
    raise MissingError(
        f"no storage account of subscription {subscription} has the blob endpoint of {host(url)}: "
        "was it deleted since the last `pulumi up`, or is the caller allowed to see it?"
    )


def _within(url: str, endpoint: str) -> bool:
    return url.lower().startswith(endpoint.rstrip("/").lower() + "/")


async def _key_of(
    identifier: str, name: str, cloud: Cloud, manager: StorageManagementClient
) -> AzureNamedKeyCredential:
    group = str(parse_resource_id(identifier)["resource_group"])
    needs = f"Microsoft.Storage/storageAccounts/listKeys/action on storage account {name}"
    with explained(f"asking for a key of storage account {name}", host(cloud.resource_manager), needs=needs):
        listed = await manager.storage_accounts.list_keys(group, name)
    value = next((key.value for key in listed.keys_property or [] if key.value), None)
    if value is None:
        raise AccessError(f"storage account {name} gives no key; shared key access may be switched off")
    return AzureNamedKeyCredential(name, value)
