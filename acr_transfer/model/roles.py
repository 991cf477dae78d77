"""Azure's built-in roles that pipelines and commands need, and which of them are enough for what.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from acr_transfer.model.options import Direction


class Role(StrEnum):
    """A role of a pipeline or a caller: its ID, which is the same in every cloud, and its name."""

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
    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull"
    REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac", "Container Registry Repository Reader"
    REPOSITORY_WRITER = "2a1e307c-b015-4ebd-883e-5b7698a07328", "Container Registry Repository Writer"
    REPOSITORY_CONTRIBUTOR = (
        "2efddaa5-3f1f-4df3-97df-af3f13818f4c",
        "Container Registry Repository Contributor",
    )
    CATALOG_LISTER = "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7", "Container Registry Repository Catalog Lister"

    @classmethod
    def of(cls, role_definition_id: str) -> "Role | None":
        """Return the role of a role definition's resource ID or GUID; None for any other role."""
        guid = role_definition_id.rpartition("/")[2].lower()
        return next((role for role in cls if role == guid), None)


class RoleAssignmentMode(StrEnum):
    """Which roles a registry honors.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """

    LEGACY = "LegacyRegistryPermissions"
    """Roles on the registry: AcrPull, AcrPush, AcrDelete, and the management roles that include them."""

    ABAC = "AbacRepositoryPermissions"
    """Roles on repositories, perhaps with a condition. AcrPull, Owner and Contributor give no right to
    artifacts."""

    @classmethod
    def of(cls, registry: Mapping[str, Any]) -> "RoleAssignmentMode":
        """Return the mode of a registry's resource; LEGACY where its API version does not show it."""
        shown = (registry.get("properties") or {}).get("roleAssignmentMode")
        return cls.ABAC if shown == cls.ABAC else cls.LEGACY


READING_ROLES = {
    RoleAssignmentMode.LEGACY: (Role.ACR_PULL,),
    RoleAssignmentMode.ABAC: (Role.REPOSITORY_READER, Role.CATALOG_LISTER),
}
"""The roles with which a caller reads artifacts and lists repositories, by the registry's mode."""

SECRET_READERS = frozenset({Role.VAULT_SECRETS_USER, Role.VAULT_SECRETS_OFFICER, Role.VAULT_ADMINISTRATOR})
"""The roles that can get secrets of a vault."""

BLOB_WRITERS = frozenset({Role.BLOB_CONTRIBUTOR, Role.BLOB_OWNER})
"""The roles that can write and delete blobs; they can read them too."""


def container_role(direction: Direction, *, deletes_blobs: bool) -> Role:
    """Return the smallest role that a pipeline works with: an import that keeps its blobs only reads."""
    writes = direction is Direction.EXPORT or deletes_blobs
    return Role.BLOB_CONTRIBUTOR if writes else Role.BLOB_READER


def reading_role(mode: RoleAssignmentMode, *, lists: bool) -> Role:
    """Return the role that reads artifacts, or that lists all repositories (`lists`)."""
    return READING_ROLES[mode][-1 if lists else 0]


def registry_role(direction: Direction) -> Role:
    """Return the role of a pipeline's identity on a registry in the mode `ABAC`.

    No source states whether a pipeline needs one there; a role that it does not need changes nothing.
    """
    return Role.REPOSITORY_READER if direction is Direction.EXPORT else Role.REPOSITORY_WRITER


def can_use_container(roles: Iterable[str], direction: Direction, *, deletes_blobs: bool) -> bool:
    """Whether one of these roles, given by their IDs, is enough for a pipeline to use its container."""
    enough = BLOB_WRITERS | {container_role(direction, deletes_blobs=deletes_blobs)}
    return any(Role.of(role) in enough for role in roles)


def can_use_registry(roles: Iterable[str], direction: Direction) -> bool:
    """Whether one of these roles, given by their IDs, is enough for a pipeline in the mode `ABAC`."""
    enough = {registry_role(direction), Role.REPOSITORY_WRITER, Role.REPOSITORY_CONTRIBUTOR}
    return any(Role.of(role) in enough for role in roles)


def can_read_secrets(roles: Iterable[str]) -> bool:
    """Whether one of these roles, given by their IDs, can get secrets of a vault."""
    return any(Role.of(role) in SECRET_READERS for role in roles)
