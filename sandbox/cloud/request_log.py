"""The requests that one cloud received, with all secrets removed before they are written."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from sandbox.cloud.database import Database, Json

BLANK = "[secret]"
KEPT = 20_000
"""The log keeps this many of the newest exchanges; older ones are deleted, a hundred at a time."""

_STEP = 100
_LONGEST_BODY = 1 << 18
"""Characters of a body that the log keeps."""

_TOKENS = {"access_token", "refresh_token", "client_secret", "password"}
_SECRET_PATHS = ("/secrets/", "/listkeys", "/regeneratekey", "/listcredentials", "/regeneratecredential")
"""Paths of requests whose bodies have a secret as `value`."""

_SIGNATURE = re.compile(r"(sig=)[^&\"\s]+")


class RequestLog:
    """The request log of one cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, endpoint: str, principal: str, exchange: tuple[str, str, int], sent: str = "", got: str = ""
    ) -> None:
        """Record an exchange (method, path and query, status) with the bodies of request and response."""
        method, url, status = exchange
        secret = endpoint == "vault" or any(path in url.lower() for path in _SECRET_PATHS)
        bodies = (_kept(body, secret) for body in (sent, got))
        number = self._database.execute(
            "insert into request_log (time, endpoint, principal, method, url, status, request, response)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            *(time.time(), endpoint, principal, method, _without_signature(url), status, *bodies),
        ).lastrowid
        if number and number % _STEP == 0:
            self._database.execute("delete from request_log where number <= ?", number - KEPT)

    def exchanges(self) -> Iterator[Json]:
        """All recorded exchanges, oldest first."""
        cursor = self._database.execute("select * from request_log order by number")
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))


def _kept(body: str, secret: bool) -> str:
    """A body without secrets; of a long one only its size."""
    long = len(body) > _LONGEST_BODY
    return f"[{len(body)} characters]" if long else _without_secrets(body, secret)


def _without_signature(text: str) -> str:
    return _SIGNATURE.sub(rf"\1{BLANK}", text)


def _without_secrets(text: str, secret: bool) -> str:
    try:
        return json.dumps(_blanked(json.loads(text), secret)) if text else ""
    except (ValueError, RecursionError):
        return BLANK if secret or "token" in text else _without_signature(text)


def _blanked(value: Any, secret: bool) -> Any:
    if isinstance(value, dict):
        return {key: _blanked_entry(key, entry, secret) for key, entry in value.items()}
    if isinstance(value, list):
        return [_blanked(entry, secret) for entry in value]
    return _without_signature(value) if isinstance(value, str) else value


def _blanked_entry(key: str, value: Any, secret: bool) -> Any:
    if key in _TOKENS or (secret and key == "value" and isinstance(value, str)):
        return BLANK
    return _blanked(value, secret)
