"""Access policies of a key vault: the permissions that a pipeline needs, and those that are too many.

https://learn.microsoft.com/azure/key-vault/general/assign-access-policy
"""

from collections.abc import Iterable, Mapping

GET = "get"
ALL = "all"
"""Stands for every permission on a kind of object, `get` and `purge` included."""

PURGING = frozenset({ALL, "purge"})
"""The permissions that can delete for good what soft delete keeps."""


def can_get_secrets(secret_permissions: Iterable[str]) -> bool:
    """Whether these permissions on secrets include `get`, as `all` does."""
    return not {GET, ALL}.isdisjoint(each.lower() for each in secret_permissions)


def can_purge(permissions: Iterable[str]) -> bool:
    """Whether these permissions on any kind of object include `purge`, as `all` does."""
    return not PURGING.isdisjoint(each.lower() for each in permissions)


def excess_permissions(permissions: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the permissions beyond the one that a pipeline needs, `secrets get`; such as `secrets list`.

    `permissions` maps kinds of objects (secrets, keys, ...) to the permissions on them.
    """
    given = {f"{kind} {each.lower()}" for kind, listed in permissions.items() for each in listed}
    return sorted(given - {f"secrets {GET}"})
