"""The Azure clouds: their names in Azure's tools, and the cloud of a host."""

from dataclasses import dataclass
from typing import Self

PUBLIC, US_GOVERNMENT, CHINA = "public", "usgovernment", "china"

OWN = "own"
"""A cloud that Azure does not document publicly: Azure Stack Hub, a classified one, an emulated one."""

_ALIASES = {
    PUBLIC: ("", "azurecloud", "azurepubliccloud"),
    US_GOVERNMENT: ("usgov", "azureusgovernment", "azureusgovernmentcloud", "usgovernmentl4"),
    CHINA: ("azurechinacloud",),
}
"""The names in `azure-native:environment`, the Azure CLI and Azure's metadata.

https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
"""

_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}


def cloud_name(text: str) -> str:
    """Return `public`, `usgovernment` or `china` for any of their names; any other text in lower case."""
    return _NAMES.get(text.lower(), text.lower())


@dataclass(frozen=True)
class CloudHosts:
    """The endings of a cloud's blob and key vault hosts."""

    name: str
    storage: tuple[str, ...]
    vault: tuple[str, ...]


KNOWN_HOSTS = (
    # The second ending belongs to accounts with their own DNS zone:
    # https://learn.microsoft.com/azure/storage/common/storage-account-overview#azure-dns-zone-endpoints-preview
    CloudHosts(PUBLIC, ("core.windows.net", "storage.azure.net"), ("vault.azure.net",)),
    CloudHosts(US_GOVERNMENT, ("core.usgovcloudapi.net",), ("vault.usgovcloudapi.net",)),
    CloudHosts(CHINA, ("core.chinacloudapi.cn",), ("vault.azure.cn",)),
)
"""https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers"""


@dataclass(frozen=True)
class HostDirectory:
    """Finds the cloud that a host belongs to."""

    clouds: tuple[CloudHosts, ...] = KNOWN_HOSTS

    @classmethod
    def of(cls, storage_suffix: str, vault_suffix: str) -> Self:
        """The known clouds and, unless both endings are empty, one's own cloud."""
        return cls((*KNOWN_HOSTS, CloudHosts(OWN, _suffixes(storage_suffix), _suffixes(vault_suffix))))

    def of_storage(self, host: str) -> str:
        """Return the name of a blob host's cloud; empty if it is unknown."""
        return next((cloud.name for cloud in self.clouds if _within(host, cloud.storage)), "")

    def of_vault(self, host: str) -> str:
        """Return the name of a key vault host's cloud; empty if it is unknown."""
        return next((cloud.name for cloud in self.clouds if _within(host, cloud.vault)), "")


def _suffixes(suffix: str) -> tuple[str, ...]:
    found = suffix.strip(".").lower()
    return (found,) if found else ()


def _within(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host.lower().endswith(f".{suffix}") for suffix in suffixes)
