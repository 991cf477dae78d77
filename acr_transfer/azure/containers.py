"""From a container's URL to a client that may read and write its blobs.

The account is found by its blob endpoint, so no cloud's host names are needed. Where it takes keys, its key
is asked from Resource Manager, lives in memory alone and ends with the client; where shared keys are switched
off, the caller's own token is used. Nothing is printed, logged, stored or passed on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.mgmt.core.tools import parse_resource_id
from azure.mgmt.storage.aio import StorageManagementClient
from azure.mgmt.storage.models import StorageAccount
from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.retry import Patience
from acr_transfer.copy.server_side import Link
from acr_transfer.copy.throttle import Pace
from acr_transfer.errors import AccessError, MissingError, explained, host

_API_VERSION = "2024-01-01"
"""The version that the program deploys with; the library's own default is newer than some clouds."""

_LARGEST_READ = 128 * 1024 * 1024

_LINK_LIFE = timedelta(hours=1)
_KEY_LIFE = timedelta(hours=6)
_SKEW = timedelta(minutes=15)
"""How far the service's clock may be behind ours."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container that is open for reading and writing."""

    client: ContainerClient
    link: Link
    """Makes a URL that reads one blob for an hour; a secret, for the other side's storage alone."""


@asynccontextmanager
async def opened(
    url: str, subscription: str, cloud: Cloud, login: AsyncTokenCredential, pace: Pace
) -> AsyncIterator[Container]:
    """The container at `url`, opened with a key of its account, or with the caller's token if it has none.

    Raises `MissingError` if no account of the subscription has that endpoint, `AccessError` if the caller may
    not list the accounts or their keys.
    """
    key = await _key_for(url, subscription, cloud, login)
    if key is None:
        async with opened_by_login(url, login, pace) as container:
            yield container
        return
    async with ContainerClient.from_container_url(url, key, **client_options(pace)) as client:
        yield Container(client=client, link=_Keyed(client, key))


@asynccontextmanager
async def opened_by_login(url: str, login: AsyncTokenCredential, pace: Pace) -> AsyncIterator[Container]:
    """The container at `url`, opened with the caller's own token; it takes a Storage Blob Data role.

    https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
    """
    # A token for this account alone: the audience that all of storage shares names no cloud.
    audience = _account_url(url)
    async with ContainerClient.from_container_url(
        url, login, audience=audience, **client_options(pace)
    ) as client:
        yield Container(client=client, link=_Delegated(client, login, pace))


def _account_url(container_url: str) -> str:
    return container_url.rpartition("/")[0]


def client_options(pace: Pace) -> dict[str, Any]:
    """How the client asks: patiently, and for a block with one request."""
    return {
        "retry_policy": Patience(pace),
        "max_single_get_size": _LARGEST_READ,
        "max_chunk_get_size": _LARGEST_READ,
    }


class _Keyed:
    """Links signed with the account's key."""

    def __init__(self, client: ContainerClient, key: AzureNamedKeyCredential) -> None:
        self._client, self._key = client, key

    async def __call__(self, name: str) -> str:
        blob = self._client.get_blob_client(name)
        token = generate_blob_sas(
            str(self._client.account_name),
            self._client.container_name,
            name,
            account_key=self._key.named_key.key,
            permission=BlobSasPermissions(read=True),
            start=_now() - _SKEW,
            expiry=_now() + _LINK_LIFE,
            protocol=blob.url.partition(":")[0],
        )
        return f"{blob.url}?{token}"


class _Delegated:
    """Links signed with a key that storage gives the caller for a few hours.

    https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
    """

    def __init__(self, client: ContainerClient, login: AsyncTokenCredential, pace: Pace) -> None:
        self._client, self._login, self._pace = client, login, pace
        self._key: UserDelegationKey | None = None
        self._until = _now()

    async def __call__(self, name: str) -> str:
        if self._key is None or self._until < _now() + _LINK_LIFE:
            self._key = await self._ask()
        blob = self._client.get_blob_client(name)
        token = generate_blob_sas(
            str(self._client.account_name),
            self._client.container_name,
            name,
            user_delegation_key=self._key,
            permission=BlobSasPermissions(read=True),
            start=_now() - _SKEW,
            expiry=_now() + _LINK_LIFE,
            protocol="https",
        )
        return f"{blob.url}?{token}"

    async def _ask(self) -> UserDelegationKey:
        self._until = _now() + _KEY_LIFE
        account = _account_url(self._client.url)
        async with BlobServiceClient(
            account, self._login, retry_policy=Patience(self._pace, 2), audience=account
        ) as service:
            return await service.get_user_delegation_key(_now() - _SKEW, self._until)


def _now() -> datetime:
    return datetime.now(UTC)


async def _key_for(
    url: str, subscription: str, cloud: Cloud, login: AsyncTokenCredential
) -> AzureNamedKeyCredential | None:
    """A key of the account; None if it takes none."""
    manager = StorageManagementClient(
        login,
        subscription,
        cloud.resource_manager.rstrip("/"),
        credential_scopes=[cloud.scope],
        api_version=_API_VERSION,
    )
    async with manager:
        account = await _account_at(url, subscription, cloud, manager)
        # Azure says nothing where the default holds, which is that keys are taken.
        if account.allow_shared_key_access is False:
            return None
        return await _key_of(str(account.id), str(account.name), cloud, manager)


async def _account_at(
    url: str, subscription: str, cloud: Cloud, manager: StorageManagementClient
) -> StorageAccount:
    needs = f"to list the storage accounts of subscription {subscription} (the role Reader can)"
    with explained("looking for the storage account", host(cloud.resource_manager), needs=needs):
        async for account in manager.storage_accounts.list():
            endpoint = (account.primary_endpoints and account.primary_endpoints.blob) or ""
            if endpoint and account.id and account.name and _within(url, endpoint):
                return account
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
