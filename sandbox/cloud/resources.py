"""The resources of one cloud, and the state of their long-running operations."""

import json
from contextlib import AbstractContextManager

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.database import Database, Json

_BELOW = "key > ? || '/' and key < ? || '0'"
"""Keys below another key: `0` is the character after the slash. LIKE would read `_` in names as a pattern."""


_OPERATIONS = 10_000
"""Operations of which the state is kept; older ones have ended long ago."""


class Resources:
    """Stores resources by their ID, whose case does not matter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all writes of the block or none."""
        return self._database.transaction()

    def get(self, id: ResourceId | str) -> Json | None:
        """The body of a resource."""
        body = self._database.one("select body from resource where key = ?", str(id).lower())
        return json.loads(body) if body else None

    def put(self, id: ResourceId, type: str, body: Json) -> None:
        """Create or replace a resource."""
        insert = (
            "insert into resource values (?, ?, ?, ?) on conflict (key) do update set body = excluded.body"
        )
        self._database.execute(insert, id.key, str(id), type.lower(), json.dumps(body))

    def remove(self, id: ResourceId) -> None:
        """Delete a resource and all resources below it."""
        self._database.execute(f"delete from resource where key = ? or {_BELOW}", id.key, id.key, id.key)

    def of_type(self, type: str, prefix: str = "") -> list[Json]:
        """The resources of a type whose ID starts with `prefix`, oldest first."""
        return self._starting_with(prefix, "and type = ?", type.lower())

    def tracked(self, prefix: str) -> list[Json]:
        """The top-level resources with a location whose ID starts with `prefix`, oldest first."""
        bodies = [body for body in self._starting_with(prefix) if "/providers/" in body["id"]]
        return [body for body in bodies if "location" in body and str(body["type"]).count("/") == 1]

    def ids_below(self, id: ResourceId) -> list[str]:
        """The IDs of all resources below one."""
        rows = self._database.execute(f"select id from resource where {_BELOW}", id.key, id.key)
        return [row[0] for row in rows]

    def put_operation(self, id: str, body: Json) -> None:
        """Store the state of a long-running operation."""
        insert = "insert or replace into operation values (?, ?)"
        newest = self._database.execute(insert, id, json.dumps(body)).lastrowid or 0
        self._database.execute("delete from operation where rowid <= ?", newest - _OPERATIONS)

    def operation(self, id: str) -> Json | None:
        """The state of a long-running operation."""
        body = self._database.one("select body from operation where id = ?", id)
        return json.loads(body) if body else None

    def record_blob(self, pipeline: str, blob: str, etag: str) -> bool:
        """Record that a pipeline's trigger saw this state of a blob; false if it was recorded before."""
        insert = "insert or ignore into seen values (?, ?, ?)"
        return self._database.execute(insert, pipeline.lower(), blob, etag).rowcount == 1

    def forget_blobs(self, pipeline: str) -> None:
        """Remove the records of a deleted pipeline: a new pipeline of its name starts without any."""
        self._database.execute("delete from seen where pipeline = ?", pipeline.lower())

    def _starting_with(self, prefix: str, condition: str = "", *values: str) -> list[Json]:
        select = f"select body from resource where substr(key, 1, length(?)) = ? {condition} order by rowid"
        rows = self._database.execute(select, prefix.lower(), prefix.lower(), *values)
        return [json.loads(body) for (body,) in rows]
