"""Secrets of vaults: their versions, who may use them while they are good, and their life after DELETE.

One set of rules for two doors: the vault's own, and the management endpoint.
https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sandbox.cloud.cloud import Cloud, new_id
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

RETENTION_DAYS = 90
_ATTRIBUTES = ("enabled", "nbf", "exp")


@dataclass(frozen=True)
class Secret:
    """One version of a secret."""

    vault: str
    name: str
    version: str
    value: str
    made: int
    """Seconds since 1970, as all times of a vault are."""

    changed: int
    attributes: Json
    """`enabled`, and where they were given `nbf` and `exp`."""

    content_type: str
    tags: Json
    deleted: int
    """When it was deleted; 0 for one that is there."""


class Secrets:
    """The secrets of one vault."""

    def __init__(self, cloud: Cloud, vault: str) -> None:
        self._store, self._vault = cloud.store, vault

    def set(self, name: str, value: str, properties: Json, tags: Json) -> Secret:
        """A new version; a deleted secret of the name must be recovered or purged before."""
        self._refuse_deleted(name)
        now, version = int(time.time()), new_id().replace("-", "")
        kept = {"made": now, "changed": now, **_kept(properties), "tags": tags}
        self._store.add_secret(self._vault, name, version, value, kept)
        return self.get(name, version)

    def find(self, name: str, version: str = "") -> Secret | None:
        """One version, the newest where none is named."""
        found = [each for each in self.versions(name) if version in ("", each.version)]
        return found[-1] if found else None

    def get(self, name: str, version: str = "") -> Secret:
        """The same, where it has to be there."""
        found = self.find(name, version)
        if found is None:
            raise AzureError("SecretNotFound", name=f"{name}/{version}" if version else name)
        return found

    def update(self, name: str, version: str, properties: Json, tags: Json | None) -> Secret:
        """New attributes of a version; its value stays."""
        old = self.get(name, version)
        attributes = {**old.attributes, **_kept(properties)["attributes"]}
        kind = properties.get("contentType", old.content_type)
        kept = {"made": old.made, "changed": int(time.time()), "attributes": attributes, "contentType": kind}
        kept["tags"] = old.tags if tags is None else tags
        self._store.change_secret(self._vault, name, old.version, kept)
        return self.get(name, old.version)

    def versions(self, name: str) -> list[Secret]:
        """All versions, the oldest first."""
        return [each for each in self._all(name) if not each.deleted]

    def newest(self) -> list[Secret]:
        """The newest version of every secret."""
        found = {each.name.lower(): each for each in self._all() if not each.deleted}
        return list(found.values())

    def delete(self, name: str) -> Secret:
        """Soft delete, with all versions."""
        gone = self.get(name)
        self._store.mark_secret(self._vault, name, int(time.time()))
        return self.deleted(gone.name)

    def deleted(self, name: str) -> Secret:
        """A secret that was deleted and can be recovered."""
        found = [each for each in self._all(name) if each.deleted]
        if not found:
            raise AzureError("SecretNotFound", name=name)
        return found[-1]

    def all_deleted(self) -> list[Secret]:
        """Every deleted secret."""
        return list({each.name.lower(): each for each in self._all() if each.deleted}.values())

    def recover(self, name: str) -> Secret:
        """Undo a delete."""
        self.deleted(name)
        self._store.mark_secret(self._vault, name, 0)
        return self.get(name)

    def purge(self, name: str) -> None:
        """Forget a deleted secret for good."""
        self.deleted(name)
        self._store.purge_secrets(self._vault, name)

    def _all(self, name: str = "") -> list[Secret]:
        return [
            Secret(
                vault=self._vault,
                name=found_name,
                version=version,
                value=value,
                made=kept["made"],
                changed=int(kept["changed"]),
                attributes={"enabled": True, **(kept.get("attributes") or {})},
                content_type=kept.get("contentType") or "",
                tags=kept.get("tags") or {},
                deleted=deleted,
            )
            for found_name, version, value, kept, deleted in self._store.secrets(self._vault, name)
        ]

    def _refuse_deleted(self, name: str) -> None:
        if any(each.deleted for each in self._all(name)):
            raise AzureError("SecretIsDeleted", name=name)


def usable(secret: Secret) -> Secret:
    """The secret, unless it is switched off; one that has ended can still be read, as on Azure."""
    if not secret.attributes["enabled"]:
        raise AzureError("SecretDisabled")
    return secret


def _kept(properties: Json) -> Json:
    given = properties.get("attributes") or {}
    attributes = {key: given[key] for key in _ATTRIBUTES if key in given}
    return {"attributes": attributes, "contentType": properties.get("contentType") or ""}
