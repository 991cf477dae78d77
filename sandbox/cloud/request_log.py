"""The log of what was really sent to a cloud, with every secret blanked before it is kept."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.cloud.store import Store

BLANK = "[secret]"
_TOKENS = {"access_token", "refresh_token", "client_secret", "password"}
_SECRETIVE = ("/secrets/", "/listkeys", "/regeneratekey", "/listcredentials", "/regeneratecredential")
"""Paths whose bodies hold a secret as `value`."""

_SIGNATURE = re.compile(r"(sig=)[^&\"\s]+")


def record(
    store: Store, door: str, principal: str, exchange: tuple[str, str, int], sent: str, got: str
) -> None:
    """Keep one exchange: (method, path and query, status), the request's body and the answer's."""
    method, url, status = exchange
    secretive = door == "vault" or any(word in url.lower() for word in _SECRETIVE)
    bodies = (_blanked_text(body, secretive) for body in (sent, got))
    store.log(door, principal, method, _SIGNATURE.sub(rf"\1{BLANK}", url), status, *bodies)


def _blanked_text(text: str, secretive: bool) -> str:
    try:
        return json.dumps(_blanked(json.loads(text), secretive)) if text else ""
    except (ValueError, RecursionError):
        return BLANK if secretive or "token" in text else _SIGNATURE.sub(rf"\1{BLANK}", text)


def _blanked(value: Any, secretive: bool) -> Any:
    if isinstance(value, dict):
        return {key: _blanked_entry(key, entry, secretive) for key, entry in value.items()}
    if isinstance(value, list):
        return [_blanked(entry, secretive) for entry in value]
    return _SIGNATURE.sub(rf"\1{BLANK}", value) if isinstance(value, str) else value


def _blanked_entry(key: str, value: Any, secretive: bool) -> Any:
    if key in _TOKENS or (secretive and key == "value" and isinstance(value, str)):
        return BLANK
    return _blanked(value, secretive)
