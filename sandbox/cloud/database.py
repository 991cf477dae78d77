"""One cloud's SQLite database. It survives restarts; secret values in it are encrypted."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

Json = dict[str, Any]

_TABLES = """
create table if not exists resource (key text primary key, id text, type text, body text);
create table if not exists secret (
    vault text, name text, version text, value blob, properties text, deleted integer default 0,
    number integer primary key autoincrement);
create table if not exists operation (id text primary key, body text);
create table if not exists seen (pipeline text, blob text, etag text, primary key (pipeline, blob, etag));
create table if not exists port (name text primary key, number integer);
create table if not exists needed_right (
    principal text, action text, scope text, data integer, primary key (principal, action, scope, data));
create table if not exists setting (name text primary key, body text);
create table if not exists request_log (
    number integer primary key autoincrement, time real, endpoint text, principal text, method text, url text,
    status integer, request text, response text);
"""


class Database:
    """A SQLite database in a folder.

    Each write is durable against a kill of the process. A crash of the machine can lose the last writes: a
    write-through to the disk would take longer than the rest of a request.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cipher = Fernet(_encryption_key(folder / "store.key"))
        self._connection = sqlite3.connect(folder / "cloud.db", isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(_TABLES)

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, values)

    def one(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        row = self._connection.execute(sql, values).fetchone()
        return row[0] if row else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes of the block or none. The block must not await."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def encrypt(self, value: str) -> bytes:
        """Encrypt a secret value before it is written."""
        return self._cipher.encrypt(value.encode())

    def decrypt(self, value: bytes) -> str:
        """Undo `encrypt`."""
        return self._cipher.decrypt(value).decode()

    def setting(self, name: str) -> Json | None:
        """A setting of this cloud."""
        body = self.one("select body from setting where name = ?", name)
        return json.loads(body) if body else None

    def put_setting(self, name: str, body: Json) -> None:
        """Store a setting of this cloud."""
        self.execute("insert or replace into setting values (?, ?)", name, json.dumps(body))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _encryption_key(path: Path) -> bytes:
    """The key beside the database: it protects backups and searches, not against the file's owner."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(Fernet.generate_key())
    return path.read_bytes()
