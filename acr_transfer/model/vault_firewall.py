"""Whether a vault's firewall admits a pipeline: one verdict for components, doctor and policy.

https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from enum import StrEnum


class VaultFirewall(StrEnum):
    """The callers that the firewall of a vault admits, apart from those of its IP rules."""

    OPEN = "open"
    """Callers in every network."""

    TRUSTED_SERVICES = "trusted services"
    """Azure's trusted services.

    Azure lists ACR among them for customer-managed keys only. There are reports that a pipeline with a
    system-assigned identity passes, and that one with a user-assigned identity does not:
    https://github.com/MicrosoftDocs/azure-docs/issues/56067,
    https://github.com/MicrosoftDocs/azure-docs/issues/61015
    """

    CLOSED = "closed"
    """No caller."""


def vault_firewall(public_network_access: str, default_action: str, bypass: str) -> VaultFirewall:
    """Return what the network rules of a vault admit; Azure's default of the bypass is AzureServices."""
    if public_network_access.lower() != "disabled" and default_action.lower() != "deny":
        return VaultFirewall.OPEN
    trusted = (bypass or "AzureServices").lower() == "azureservices"
    return VaultFirewall.TRUSTED_SERVICES if trusted else VaultFirewall.CLOSED
