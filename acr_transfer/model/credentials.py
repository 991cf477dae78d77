"""Credentials in texts: how to find one, and how to show a text without it."""

import re

from acr_transfer.model.visible_text import visible_line

# A signature is the base64 of 32 bytes; in a URL some characters are written as %XX. An account key is the
# base64 of 64 bytes: its last letter before '==' holds two bits only. npm has such digests after 'sha512-'.
_KINDS = (
    (re.compile(r"sig(?:=|%3D)[A-Za-z0-9%+/=]{40,}", re.IGNORECASE), "a SAS token"),
    (
        re.compile(r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9%+/]+=*", re.IGNORECASE),
        "the key of a connection string",
    ),
    (
        re.compile(r"(?<![A-Za-z0-9+/=])(?<!sha512-)[A-Za-z0-9+/]{85}[AQgw]==(?![A-Za-z0-9+/=])"),
        "a text in the form of a storage account's key",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), "a bearer token"),
    (re.compile(r"AGE-SECRET-KEY-[A-Z0-9]+"), "the secret key of age"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*"), "a private key"),
)
_USER = re.compile(r"(?<=:/)(/?)(?:[^\s/?#]*@|[^\s/?#@:]*:(?![0-9]+/)[^\s@]{0,1000}@)")
"""The user of a URL and its password, which may hold any character. A path has one slash of two."""

_SHOWN = 120


def credential_in(text: str) -> str:
    """Return in words which credential a text holds; empty if it holds none.

    A credential is a SAS token's signature, a bearer token, or a key: by its name or by its form.
    Digests, resource IDs and URLs without a signature are not credentials.
    """
    return next((kind for pattern, kind in _KINDS if pattern.search(text)), "")


def without_credentials(text: str) -> str:
    """Return a text with `[credential]` in place of each credential, and of the user of each URL."""
    for pattern, _ in _KINDS:
        text = pattern.sub("[credential]", text)
    return _USER.sub(r"\1[credential]@", text)


def shown(value: object) -> str:
    """Return a value from outside for a message: `quoted` if it is text, otherwise as Python writes it."""
    if isinstance(value, str):
        return quoted(str(value))
    try:
        return quoted(repr(value))[1:].removesuffix("'")
    except RecursionError:
        return "a deeply nested value"


def quoted(text: str) -> str:
    """Return a name from outside in quotes for a message: escaped, at most 120 characters long.

    The part before an `@` may be a password and the part after a `?` a token, so both are left out.
    """
    name, question, _ = without_credentials(text).partition("?")
    before, at, last = name.rpartition("@")
    if at and (not last.startswith("sha256:") or "@" in before):
        name = f"[...]@{last}"
    shown = visible_line(f"{name}?[...]" if question else name)
    return f"'{shown}'" if len(shown) <= _SHOWN else f"'{shown[:_SHOWN]}...'"
