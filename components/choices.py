"""The closed choices among the arguments. A component accepts each one as plain text too."""

from enum import StrEnum


class StorageAccess(StrEnum):
    """How a pipeline accesses its container."""

    SAS_TOKEN = "SasToken"
    """With a SAS token, which the pipeline's identity reads from a key vault."""

    MANAGED_IDENTITY = "ManagedIdentity"
    """With the pipeline's identity, which has a role on the container: no token and no vault."""


class VaultAccess(StrEnum):
    """The permission model of a key vault."""

    ACCESS_POLICY = "accessPolicy"
    """Access policies: a list of principals in the vault itself."""

    RBAC = "rbac"
    """Azure role assignments."""


class AccountKey(StrEnum):
    """The storage account's key that signs the SAS token; while one signs, the other can be rotated."""

    KEY1 = "key1"
    """The first key."""

    KEY2 = "key2"
    """The second key."""
