"""The blobs in a container, listed with a key of its account: Azure Resource Manager does not know blobs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import ContainerClient
from pulumi import Output
from pulumi_azure_native import storage

from acr_transfer.model.times import format_time

from ..sas import container_sas

_LIST_LIFE = timedelta(hours=1)
_WAITS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 30, "retry_total": 2}


async def stored_blobs(endpoint: str, group: str, account: str, container: str) -> dict[str, str] | None:
    """Return when each blob was last written, by its name; None if the blobs are unknown.

    A container that does not exist has none.

    `endpoint` is the account's blob endpoint, `group` its resource group. The account may refuse its keys,
    and this machine may not reach it.
    """
    listed: Output[storage.ListStorageAccountKeysResult | None]
    listed = storage.list_storage_account_keys_output(
        account_name=account, resource_group_name=group
    ).recover(lambda _: None)  # type: ignore[arg-type,return-value]
    keys = await listed.future()
    if not keys:
        return None
    # The token exists in memory only, and opens nothing but the list.
    expiry = datetime.now(UTC) + _LIST_LIFE
    token = container_sas(account, container, keys.keys[0].value, "l", expiry)
    client = ContainerClient(endpoint, container, credential=token.removeprefix("?"), **_WAITS)
    try:
        return await asyncio.to_thread(_blobs, client)
    except AzureError:
        return None


def _blobs(client: ContainerClient) -> dict[str, str]:
    with client:
        try:
            return {blob.name: format_time(blob.last_modified) for blob in client.list_blobs()}
        except ResourceNotFoundError:
            return {}
