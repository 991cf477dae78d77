"""Which Azure cloud a host belongs to, by what its name ends with."""

from dataclasses import dataclass
from typing import Self

_ALIASES = {
    "azurecloud": "public",
    "azurepubliccloud": "public",
    "azureusgovernment": "usgovernment",
    "azureusgovernmentcloud": "usgovernment",
    "azurechinacloud": "china",
}
"""How the Azure CLI and Azure's metadata name what `azure-native:environment` calls otherwise."""


@dataclass(frozen=True)
class Cloud:
    """What a cloud's blob and key vault hosts end with."""

    name: str
    storage: tuple[str, ...]
    vault: tuple[str, ...]


KNOWN = (
    # The second one is of accounts with a DNS zone of their own:
    # https://learn.microsoft.com/azure/storage/common/storage-account-overview#azure-dns-zone-endpoints-preview
    Cloud("public", ("core.windows.net", "storage.azure.net"), ("vault.azure.net",)),
    Cloud("usgovernment", ("core.usgovcloudapi.net",), ("vault.usgovcloudapi.net",)),
    Cloud("china", ("core.chinacloudapi.cn",), ("vault.azure.cn",)),
)
"""The clouds that anybody can have an account in, by their names in `azure-native:environment`.

https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
"""


OWN = "own"
"""A cloud that nobody else knows: Azure Stack Hub, a classified one, an emulated one."""


def plain_name(name: str) -> str:
    """Return a cloud's name as it is spelt here, whichever of Azure's tools has given it."""
    return _ALIASES.get(name.lower(), name.lower())


@dataclass(frozen=True)
class Clouds:
    """All clouds that a host may belong to."""

    clouds: tuple[Cloud, ...]

    @classmethod
    def of(cls, storage: str, vault: str) -> Self:
        """The known ones, and one whose blob hosts and vault hosts end so; no more if both are empty."""
        return cls((*KNOWN, Cloud(OWN, _suffixes(storage), _suffixes(vault))))

    def of_storage(self, host: str) -> str:
        """The name of the cloud that a blob host belongs to; empty if it is none of these."""
        return next((cloud.name for cloud in self.clouds if _within(host, cloud.storage)), "")

    def of_vault(self, host: str) -> str:
        """The name of the cloud that a key vault's host belongs to; empty if it is none of these."""
        return next((cloud.name for cloud in self.clouds if _within(host, cloud.vault)), "")


def _suffixes(suffix: str) -> tuple[str, ...]:
    found = suffix.strip(".").lower()
    return (found,) if found else ()


def _within(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host.lower().endswith(f".{suffix}") for suffix in suffixes)
