"""Azure's built-in roles that pipelines need, and which of them are enough for what.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from collections.abc import Iterable
from enum import StrEnum

from acr_transfer.model.options import Direction


class Role(StrEnum):
    """A role that a pipeline's identity may have: its ID, which is the same in every cloud, and its name."""

    label: str
    """The name that Azure shows."""

    def __new__(cls, guid: str, label: str) -> "Role":
        """Take the ID as the value."""
        role = str.__new__(cls, guid)
        role._value_, role.label = guid, label
        return role

    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader"
    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor"
    BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "Storage Blob Data Owner"
    VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User"
    VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer"
    VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator"

    @classmethod
    def of(cls, role_definition_id: str) -> "Role | None":
        """Return the role of a role definition's resource ID or GUID; None for any other role."""
        guid = role_definition_id.rpartition("/")[2].lower()
        return next((role for role in cls if role == guid), None)


SECRET_READERS = frozenset({Role.VAULT_SECRETS_USER, Role.VAULT_SECRETS_OFFICER, Role.VAULT_ADMINISTRATOR})
"""The roles that can get secrets of a vault."""

BLOB_WRITERS = frozenset({Role.BLOB_CONTRIBUTOR, Role.BLOB_OWNER})
"""The roles that can write and delete blobs; they can read them too."""


def container_role(direction: Direction, *, deletes_blobs: bool) -> Role:
    """Return the smallest role that a pipeline works with: an import that keeps its blobs only reads."""
    writes = direction is Direction.EXPORT or deletes_blobs
    return Role.BLOB_CONTRIBUTOR if writes else Role.BLOB_READER


def can_use_container(roles: Iterable[str], direction: Direction, *, deletes_blobs: bool) -> bool:
    """Whether one of these roles, given by their IDs, is enough for a pipeline to use its container."""
    enough = BLOB_WRITERS | {container_role(direction, deletes_blobs=deletes_blobs)}
    return any(Role.of(role) in enough for role in roles)


def can_read_secrets(roles: Iterable[str]) -> bool:
    """Whether one of these roles, given by their IDs, can get secrets of a vault."""
    return any(Role.of(role) in SECRET_READERS for role in roles)
