"""The Azure clouds: their names in Azure's tools, and the cloud of a host."""

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


def is_sovereign_cloud(text: str) -> bool:
    """Whether a text is a name of `usgovernment` or `china`."""
    return cloud_name(text) in (US_GOVERNMENT, CHINA)


_STORAGE_ENDINGS = (
    ("core.windows.net", PUBLIC),
    # The ending of accounts with their own DNS zone:
    # https://learn.microsoft.com/azure/storage/common/storage-account-overview#azure-dns-zone-endpoints-preview
    ("storage.azure.net", PUBLIC),
    ("core.usgovcloudapi.net", US_GOVERNMENT),
    ("core.chinacloudapi.cn", CHINA),
)
_VAULT_ENDINGS = (
    ("vault.azure.net", PUBLIC),
    ("vault.usgovcloudapi.net", US_GOVERNMENT),
    ("vault.azure.cn", CHINA),
)
"""https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers"""


class HostDirectory:
    """Finds the cloud of a host: one of Azure's clouds, or one's own cloud by the endings of its hosts."""

    def __init__(self, storage_suffix: str = "", vault_suffix: str = "") -> None:
        """Take the endings of one's own cloud; empty without one."""
        self._storage = (*_STORAGE_ENDINGS, (storage_suffix.strip(".").lower(), OWN))
        self._vault = (*_VAULT_ENDINGS, (vault_suffix.strip(".").lower(), OWN))

    def of_storage(self, host: str) -> str:
        """Return the name of a blob host's cloud; empty if it is unknown."""
        return _cloud(host, self._storage)

    def of_vault(self, host: str) -> str:
        """Return the name of a key vault host's cloud; empty if it is unknown."""
        return _cloud(host, self._vault)


def _cloud(host: str, endings: tuple[tuple[str, str], ...]) -> str:
    return next((cloud for end, cloud in endings if end and host.lower().endswith(f".{end}")), "")
