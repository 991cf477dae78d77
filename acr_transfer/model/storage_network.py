"""Whether ACR Transfer reaches a storage account: one verdict on network rules for doctor and policy.

https://learn.microsoft.com/azure/storage/common/storage-network-security
"""

from enum import StrEnum


class StorageNetwork(StrEnum):
    """How the network rules of a storage account treat ACR Transfer."""

    OPEN = "open"
    """Every network reaches the account."""

    DISABLED = "disabled"
    """The public endpoint is off, and the service uses no other one."""

    FIREWALLED = "firewalled"
    """The firewall denies the service."""


def storage_network(public_network_access: str, default_action: str) -> StorageNetwork:
    """Return how an account's `publicNetworkAccess` and its default action treat ACR Transfer.

    A default action Deny shuts the service out, whatever the IP rules and the bypass, in either access mode:
    Microsoft publishes no address ranges of the service, and does not list it among the trusted services of
    storage. That is the harder of the possible readings; a run that works disproves it for one account.
    """
    if public_network_access.lower() == "disabled":
        return StorageNetwork.DISABLED
    return StorageNetwork.FIREWALLED if default_action.lower() == "deny" else StorageNetwork.OPEN
