"""Clients of blob containers, by container URL.

The storage account is found by its blob endpoint, so no cloud's host names are needed. Its key comes from
Resource Manager and is in memory only; where the account forbids shared keys, the caller's token is used.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from acr_transfer.azure.arm import ArmClient, arm_client, blob_endpoint
from acr_transfer.azure.connect import scope_of, signed_in
from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.azure.stacks import Stack, plain_container_url
from acr_transfer.azure.storage_limits import AudienceCredential, LimitedTransport, blob_client
from acr_transfer.azure.storage_retry import StorageRetry
from acr_transfer.azure.throttle import Throttle
from acr_transfer.errors import AccessError, MissingError, host

_API_VERSION = "2024-01-01"
_LARGEST_READ = 128 * 1024 * 1024

_LINK_LIFETIME = timedelta(hours=1)
_KEY_LIFETIME = timedelta(hours=6)
_CLOCK_SKEW = timedelta(minutes=15)
"""The allowed lag of the service's clock."""

ReadLink = Callable[[str], Awaitable[str]]
"""Returns a URL that reads the blob of that name for an hour. It is a secret, never shown or stored."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """An open container."""

    client: ContainerClient
    link: ReadLink
    """Signs links for the other side's storage service."""


@asynccontextmanager
async def container(stack: Stack, throttle: Throttle | None = None) -> AsyncIterator[Container]:
    """The stack's container, with a key of its account, or the caller's token if the account forbids keys.

    Raises `MissingError` if no account of the resource group has its endpoint, `AccessError` if the caller
    may not list the accounts or their keys.
    """
    url, limits = stack.container_url(), throttle or Throttle()
    async with signed_in(stack.provider) as (cloud, credential), arm_client(cloud, credential) as arm:
        key = await _account_key(url, scope_of(stack, "acr-transfer:storageAccount"), arm)
        async with _by_token(url, credential, limits) if key is None else _by_key(url, key, limits) as found:
            yield found


@asynccontextmanager
async def container_at(url: str, throttle: Throttle | None = None) -> AsyncIterator[Container]:
    """A container without a stack, with the caller's token.

    The environment names the cloud (ARM_METADATA_HOSTNAME, ARM_ENVIRONMENT).
    """
    plain = plain_container_url(url, "the container's URL")
    async with (
        signed_in(ProviderSettings.of({})) as (_, credential),
        _by_token(plain, credential, throttle or Throttle()) as found,
    ):
        yield found


@asynccontextmanager
async def _by_key(url: str, key: AzureNamedKeyCredential, throttle: Throttle) -> AsyncIterator[Container]:
    async with ContainerClient.from_container_url(url, key, **client_options(throttle)) as client:

        async def link(name: str) -> str:
            return _signed(client, name, account_key=key.named_key.key)

        yield Container(client=client, link=link)


@asynccontextmanager
async def _by_token(
    url: str, credential: AsyncTokenCredential, throttle: Throttle
) -> AsyncIterator[Container]:
    """The container with the caller's token, which needs a Storage Blob Data role.

    https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
    """
    # The audience is the account's own endpoint, since that of all storage accounts differs between clouds.
    account = url.rpartition("/")[0]
    async with ContainerClient.from_container_url(
        url, AudienceCredential(credential, account), audience=account, **client_options(throttle)
    ) as client:
        keys = _DelegationKeys(account, credential, throttle)

        async def link(name: str) -> str:
            return _signed(client, name, user_delegation_key=await keys.current())

        yield Container(client=client, link=link)


def client_options(throttle: Throttle) -> dict[str, Any]:
    """Options of a container client: limits, the retry policy, and one request for each block."""
    return {
        "transport": LimitedTransport(),
        "permit_redirects": False,
        "retry_policy": StorageRetry(throttle),
        "max_single_get_size": _LARGEST_READ,
        "max_chunk_get_size": _LARGEST_READ,
    }


def _signed(client: ContainerClient, name: str, **key: Any) -> str:
    blob = blob_client(client, name)
    token = generate_blob_sas(
        str(client.account_name),
        client.container_name,
        name,
        permission=BlobSasPermissions(read=True),
        start=datetime.now(UTC) - _CLOCK_SKEW,
        expiry=datetime.now(UTC) + _LINK_LIFETIME,
        protocol=blob.url.partition(":")[0],
        **key,
    )
    return f"{blob.url}?{token}"


class _DelegationKeys:
    """The user delegation key, requested again before it expires.

    https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
    """

    def __init__(self, account: str, credential: AsyncTokenCredential, throttle: Throttle) -> None:
        self._account, self._credential = account, credential
        self._throttle = throttle
        self._key: UserDelegationKey | None = None
        self._expiry = datetime.now(UTC)
        self._renewing = asyncio.Lock()

    async def current(self) -> UserDelegationKey:
        """Return a key that is valid for as long as a link. A failed renewal is the caller's failure too."""
        async with self._renewing:
            now = datetime.now(UTC)
            if self._key is None or self._expiry < now + _LINK_LIFETIME:
                self._key = await self._requested(now)
                self._expiry = now + _KEY_LIFETIME
            return self._key

    async def _requested(self, now: datetime) -> UserDelegationKey:
        credential = AudienceCredential(self._credential, self._account)
        options = client_options(self._throttle) | {"retry_policy": StorageRetry(self._throttle, tries=2)}
        async with BlobServiceClient(self._account, credential, audience=self._account, **options) as service:
            return await service.get_user_delegation_key(now - _CLOCK_SKEW, now + _KEY_LIFETIME)


async def _account_key(url: str, scope: str, arm: ArmClient) -> AzureNamedKeyCredential | None:
    """A key of the account; None if the account forbids shared keys."""
    collection = f"{scope}/providers/Microsoft.Storage/storageAccounts"
    account = await arm.find_by_endpoint(collection, _API_VERSION, url, blob_endpoint)
    if account is None:
        raise MissingError(
            f"no storage account below {scope} has the blob endpoint {host(url)}. "
            "Check that the account still exists, and that the caller may read it."
        )
    # An absent value means the default, which permits keys.
    if (account.get("properties") or {}).get("allowSharedKeyAccess") is False:
        return None
    name = str(account["name"])
    needs = f"Microsoft.Storage/storageAccounts/listKeys/action on storage account {name}"
    listed = await arm.post(f"{account['id']}/listKeys", _API_VERSION, needs=needs)
    value = next((key["value"] for key in listed.get("keys") or [] if key.get("value")), None)
    if value is None:
        raise AccessError(f"storage account {name} returned no key; check that shared key access is enabled")
    return AzureNamedKeyCredential(name, str(value))
