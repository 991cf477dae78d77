"""The ways to be let in: to the container, and to the vault that holds its token."""

from enum import StrEnum


class StorageAccess(StrEnum):
    """How a pipeline gets into its container."""

    SAS_TOKEN = "SasToken"
    """With a SAS token, which its identity reads from a key vault."""

    MANAGED_IDENTITY = "ManagedIdentity"
    """With its identity, which has a role on the container: no token and no vault."""


class VaultAccess(StrEnum):
    """How a key vault decides who may read its secrets."""

    ACCESS_POLICY = "accessPolicy"
    """By a list of principals in the vault itself."""

    RBAC = "rbac"
    """By Azure's role assignments."""


class AccountKey(StrEnum):
    """Which of a storage account's two keys signs: with the other one in use, a key can be rolled."""

    KEY1 = "key1"
    """The first key."""

    KEY2 = "key2"
    """The second key."""
