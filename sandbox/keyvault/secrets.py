"""The secrets of a vault: versions, attributes, soft delete. Key Vault and ARM share these rules.

https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
"""

import json
import time
from dataclasses import dataclass

from sandbox.cloud.cloud import new_id
from sandbox.cloud.database import Database, Json
from sandbox.http.azure_errors import AzureError

RETENTION_DAYS = 90
_ATTRIBUTES = ("enabled", "nbf", "exp")
_NAMED = "where vault = ? and name = ? collate nocase"


@dataclass(frozen=True)
class Secret:
    """One version of a secret. Times are in seconds since 1970."""

    vault: str
    name: str
    version: str
    value: str
    created: int
    updated: int
    attributes: Json
    """`enabled`, and `nbf` and `exp` if set."""

    content_type: str
    tags: Json
    deleted: int
    """The time of deletion; 0 if the secret is not deleted."""


class Secrets:
    """The secrets of one vault."""

    def __init__(self, database: Database, vault: str) -> None:
        self._database, self._vault = database, vault.lower()

    def set(self, name: str, value: str, properties: Json, tags: Json) -> Secret:
        """Create a version. Raises AzureError if the secret is deleted and neither recovered nor purged."""
        if any(each.deleted for each in self._all(name)):
            raise AzureError("SecretIsDeleted", name=name)
        now, version = int(time.time()), new_id().replace("-", "")
        kept = {"made": now, "changed": now, **_kept(properties), "tags": tags}
        self._database.execute(
            "insert into secret (vault, name, version, value, properties) values (?, ?, ?, ?, ?)",
            *(self._vault, name, version, self._database.encrypt(value), json.dumps(kept)),
        )
        return self.get(name, version)

    def find(self, name: str, version: str = "") -> Secret | None:
        """A version, by default the newest."""
        found = [each for each in self.versions(name) if version in ("", each.version)]
        return found[-1] if found else None

    def get(self, name: str, version: str = "") -> Secret:
        """A version, by default the newest; raises AzureError if it does not exist."""
        found = self.find(name, version)
        if found is None:
            raise AzureError("SecretNotFound", name=f"{name}/{version}" if version else name)
        return found

    def update(self, name: str, version: str, properties: Json, tags: Json | None) -> Secret:
        """Change the attributes of a version."""
        old = self.get(name, version)
        kept = {
            "made": old.created,
            "changed": int(time.time()),
            "attributes": {**old.attributes, **_kept(properties)["attributes"]},
            "contentType": properties.get("contentType", old.content_type),
            "tags": old.tags if tags is None else tags,
        }
        update = f"update secret set properties = ? {_NAMED} and version = ?"
        self._database.execute(update, json.dumps(kept), self._vault, name, old.version)
        return self.get(name, old.version)

    def versions(self, name: str) -> list[Secret]:
        """All versions of a secret, oldest first."""
        return [each for each in self._all(name) if not each.deleted]

    def newest(self) -> list[Secret]:
        """The newest version of every secret."""
        return list({each.name.lower(): each for each in self._all() if not each.deleted}.values())

    def delete(self, name: str) -> Secret:
        """Soft-delete a secret with all versions."""
        self.get(name)
        self._mark_deleted(name, int(time.time()))
        return self.deleted(name)

    def deleted(self, name: str) -> Secret:
        """A deleted secret; raises AzureError if it does not exist."""
        found = [each for each in self._all(name) if each.deleted]
        if not found:
            raise AzureError("SecretNotFound", name=name)
        return found[-1]

    def all_deleted(self) -> list[Secret]:
        """All deleted secrets."""
        return list({each.name.lower(): each for each in self._all() if each.deleted}.values())

    def recover(self, name: str) -> Secret:
        """Undo a delete."""
        self.deleted(name)
        self._mark_deleted(name, 0)
        return self.get(name)

    def purge(self, name: str) -> None:
        """Delete a deleted secret permanently."""
        self.deleted(name)
        self._database.execute(f"delete from secret {_NAMED}", self._vault, name)

    def purge_all(self) -> None:
        """Delete all secrets of the vault permanently."""
        self._database.execute("delete from secret where vault = ?", self._vault)

    def _mark_deleted(self, name: str, time: int) -> None:
        self._database.execute(f"update secret set deleted = ? {_NAMED}", time, self._vault, name)

    def _all(self, name: str = "") -> list[Secret]:
        columns = "name, version, value, properties, deleted"
        rows = self._database.execute(
            f"select {columns} from secret where vault = ? and (? = '' or name = ? collate nocase)"
            " order by number",
            *(self._vault, name, name),
        )
        return [self._secret(*row) for row in rows]

    def _secret(self, name: str, version: str, value: bytes, properties: str, deleted: int) -> Secret:
        kept = json.loads(properties)
        return Secret(
            vault=self._vault,
            name=name,
            version=version,
            value=self._database.decrypt(value),
            created=kept["made"],
            updated=kept["changed"],
            attributes={"enabled": True, **(kept.get("attributes") or {})},
            content_type=kept.get("contentType") or "",
            tags=kept.get("tags") or {},
            deleted=deleted,
        )


def require_enabled(secret: Secret) -> Secret:
    """The secret; raises AzureError if it is disabled. Azure returns expired secrets."""
    if not secret.attributes["enabled"]:
        raise AzureError("SecretDisabled")
    return secret


def _kept(properties: Json) -> Json:
    given = properties.get("attributes") or {}
    attributes = {key: given[key] for key in _ATTRIBUTES if key in given}
    return {"attributes": attributes, "contentType": properties.get("contentType") or ""}
