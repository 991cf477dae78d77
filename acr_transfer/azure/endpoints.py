"""The account and the vault of a stack, found by their endpoints, whose form differs between clouds."""

from collections.abc import Mapping
from typing import Any

from acr_transfer.azure import connect
from acr_transfer.azure.arm import ArmClient, blob_endpoint
from acr_transfer.azure.stacks import Stack

_ACCOUNTS = "/providers/Microsoft.Storage/storageAccounts"
_VAULTS = "/providers/Microsoft.KeyVault/vaults"


async def find_account(stack: Stack, container_url: str, arm: ArmClient) -> dict[str, Any] | None:
    """Return the storage account of a container; None if it does not exist."""
    accounts = connect.scope_of(stack, "acr-transfer:storageAccount") + _ACCOUNTS
    return await arm.find_by_endpoint(accounts, "2024-01-01", container_url, blob_endpoint)


async def find_vault(stack: Stack, secret_uri: str, arm: ArmClient) -> dict[str, Any] | None:
    """Return the vault of a secret; None if it does not exist."""
    vaults = connect.scope_of(stack, "acr-transfer:vault") + _VAULTS
    return await arm.find_by_endpoint(vaults, "2024-11-01", secret_uri, _vault_endpoint)


def _vault_endpoint(vault: Mapping[str, Any]) -> str:
    return str((vault.get("properties") or {}).get("vaultUri") or "")
