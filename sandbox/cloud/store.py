"""What one cloud remembers: a SQLite file that survives a restart. Secret values are encrypted in it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from sandbox.arm.resource_id import ResourceId

Json = dict[str, Any]

_TABLES = """
create table if not exists resource (key text primary key, id text, type text, body text);
create table if not exists secret (
    vault text, name text, version text, value blob, properties text, deleted integer default 0,
    number integer primary key autoincrement);
create table if not exists operation (id text primary key, body text);
create table if not exists seen (pipeline text, blob text, etag text, primary key (pipeline, blob, etag));
create table if not exists port (name text primary key, number integer);
create table if not exists setting (name text primary key, body text);
create table if not exists exchange (
    number integer primary key autoincrement, time real, door text, principal text, method text, url text,
    status integer, request text, response text);
"""

_BELOW = "key > ? || '/' and key < ? || '0'"
"""Keys below another: 0 is the character after the slash. Names may hold what LIKE takes for a pattern."""


class Store:
    """One cloud's state. Every write is kept when the call returns, also if the process is killed then.

    The machine's own end could take the last ones: writing through to the disk each time takes longer than
    all the rest of an answer.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cipher = Fernet(_key(folder / "store.key"))
        self._database = sqlite3.connect(folder / "cloud.db", isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.executescript(_TABLES)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All writes of the block or none, whatever happens in it; no other work may come between."""
        if self._database.in_transaction:
            yield
            return
        self._run("begin immediate")
        try:
            yield
        except BaseException:
            self._run("rollback")
            raise
        self._run("commit")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # Resources

    def get(self, id: ResourceId | str) -> Json | None:
        """The stored body of a resource, whatever the case of its ID."""
        row = self._one("select body from resource where key = ?", str(id).lower())
        return json.loads(row[0]) if row else None

    def put(self, id: ResourceId, type: str, body: Json) -> None:
        """Store a resource under its ID, over what was there."""
        self._run(
            "insert into resource values (?, ?, ?, ?) on conflict (key) do update set body = excluded.body",
            id.key,
            str(id),
            type.lower(),
            json.dumps(body),
        )

    def remove(self, id: ResourceId) -> None:
        """Forget a resource and all that is below it."""
        self._run(f"delete from resource where key = ? or {_BELOW}", id.key, id.key, id.key)

    def of_type(self, type: str, below: str = "") -> list[Json]:
        """All resources of a type whose ID begins with `below`, in the order of their making."""
        rows = self._database.execute(
            "select body from resource where type = ? and substr(key, 1, length(?)) = ? order by rowid",
            (type.lower(), below.lower(), below.lower()),
        )
        return [json.loads(body) for (body,) in rows]

    def tracked(self, below: str) -> list[Json]:
        """All resources with a location that are part of no other, in the order of their making."""
        rows = self._database.execute(
            "select body from resource where substr(key, 1, length(?)) = ? order by rowid",
            (below.lower(), below.lower()),
        )
        bodies: list[Json] = [json.loads(body) for (body,) in rows]
        mine = [body for body in bodies if "/providers/" in body["id"] and "location" in body]
        return [body for body in mine if str(body["type"]).count("/") == 1]

    def get_below(self, id: ResourceId) -> list[str]:
        """IDs of all resources below one."""
        rows = self._database.execute(f"select id from resource where {_BELOW}", (id.key, id.key))
        return [row[0] for row in rows]

    # Secrets of vaults

    def add_secret(self, vault: str, name: str, version: str, value: str, properties: Json) -> None:
        """A new version of a secret; its value is encrypted before it reaches the disk."""
        self._run(
            "insert into secret (vault, name, version, value, properties) values (?, ?, ?, ?, ?)",
            vault.lower(),
            name,
            version,
            self._cipher.encrypt(value.encode()),
            json.dumps(properties),
        )

    def secrets(self, vault: str, name: str = "") -> list[tuple[str, str, str, Json, int]]:
        """Name, version, value, properties and time of deletion of a vault's secrets, the oldest first."""
        rows = self._database.execute(
            "select name, version, value, properties, deleted from secret where vault = ?"
            " and (? = '' or name = ? collate nocase) order by number",
            (vault.lower(), name, name),
        )
        return [
            (name, version, self._cipher.decrypt(value).decode(), json.loads(kept), deleted)
            for name, version, value, kept, deleted in rows
        ]

    def change_secret(self, vault: str, name: str, version: str, properties: Json) -> None:
        """Store other properties of one version."""
        self._run(
            "update secret set properties = ? where vault = ? and name = ? collate nocase and version = ?",
            json.dumps(properties),
            vault.lower(),
            name,
            version,
        )

    def mark_secret(self, vault: str, name: str, deleted: int) -> None:
        """Note when a secret was deleted, or with 0 that it is there."""
        self._run(
            "update secret set deleted = ? where vault = ? and name = ? collate nocase",
            deleted,
            vault.lower(),
            name,
        )

    def purge_secrets(self, vault: str, name: str = "") -> None:
        """Forget one secret, or all secrets of a vault, for good."""
        self._run(
            "delete from secret where vault = ? and (? = '' or name = ? collate nocase)",
            vault.lower(),
            name,
            name,
        )

    # Operations, ports, what the trigger has seen

    def put_operation(self, id: str, body: Json) -> None:
        """Remember a long-running operation's answer."""
        self._run("insert or replace into operation values (?, ?)", id, json.dumps(body))

    def operation(self, id: str) -> Json | None:
        """The answer of a long-running operation."""
        row = self._one("select body from operation where id = ?", id)
        return json.loads(row[0]) if row else None

    def put_setting(self, name: str, body: Json) -> None:
        """Remember how this cloud is set up."""
        self._run("insert or replace into setting values (?, ?)", name, json.dumps(body))

    def setting(self, name: str) -> Json | None:
        """What `put_setting` remembered."""
        row = self._one("select body from setting where name = ?", name)
        return json.loads(row[0]) if row else None

    def port(self, name: str) -> int | None:
        """The port that a door had before; addresses must survive a restart, for state files hold them."""
        row = self._one("select number from port where name = ?", name)
        return int(row[0]) if row else None

    def ports(self) -> list[tuple[str, int]]:
        """All doors with their ports."""
        return list(self._database.execute("select name, number from port"))

    def keep_port(self, name: str, number: int) -> None:
        """Remember a door's port."""
        self._run("insert or replace into port values (?, ?)", name, number)

    def forget_port(self, name: str) -> None:
        """A door is gone for good."""
        self._run("delete from port where name = ?", name)

    def forget_sights(self, pipeline: str) -> None:
        """A pipeline is gone; a new one of its name would meet every blob for the first time."""
        self._run("delete from seen where pipeline = ?", pipeline.lower())

    def first_sight(self, pipeline: str, blob: str, etag: str) -> bool:
        """Whether the trigger meets this state of a blob for the first time; it will not again."""
        new = self._database.execute(
            "insert or ignore into seen values (?, ?, ?)", (pipeline.lower(), blob, etag)
        )
        return new.rowcount == 1

    # The log

    def log(self, door: str, principal: str, method: str, url: str, status: int, sent: str, got: str) -> None:
        """Remember one exchange; the caller has blanked what is secret."""
        self._run(
            "insert into exchange (time, door, principal, method, url, status, request, response)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            time.time(),
            door,
            principal,
            method,
            url,
            status,
            sent,
            got,
        )

    def exchanges(self) -> Iterator[Json]:
        """All remembered exchanges, oldest first."""
        cursor = self._database.execute("select * from exchange order by number")
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._database.execute(sql, values).fetchone()
        return row

    def _run(self, sql: str, *values: object) -> None:
        self._database.execute(sql, values)


def _key(path: Path) -> bytes:
    """The key beside the file keeps values out of backups and searches, not from the file's owner."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(Fernet.generate_key())
    return path.read_bytes()
