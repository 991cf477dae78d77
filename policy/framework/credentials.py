"""What a credential looks like, so that one in a wrong place is found, and none is ever shown."""

import re

# A signature is the base64 of 32 bytes, in a URL with some of it as %XX. An account key is the base64 of 64
# bytes: its last letter before '==' holds two bits only, and npm writes digests just so after 'sha512-'.
_KINDS = (
    (re.compile(r"sig(?:=|%3D)[A-Za-z0-9%+/=]{40,}", re.IGNORECASE), "a SAS token"),
    (
        re.compile(r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9%+/]+=*", re.IGNORECASE),
        "the key of a connection string",
    ),
    (
        re.compile(r"(?<![A-Za-z0-9+/=])(?<!sha512-)[A-Za-z0-9+/]{85}[AQgw]==(?![A-Za-z0-9+/=])"),
        "what looks like a storage account's key",
    ),
)
_SHOWN = 120


def credential_in(text: str) -> str:
    """Return in words which credential a text holds; empty if it holds none.

    It is a signature, with which a SAS token is whole, or a key, by its name in a connection string or by
    its form alone. Digests, resource IDs and URLs without a signature are none.
    """
    return next((kind for pattern, kind in _KINDS if pattern.search(text)), "")


def without_credentials(text: str) -> str:
    """Return a text that can be shown: what looks like a credential is left out."""
    for pattern, _ in _KINDS:
        text = pattern.sub("[credential]", text)
    return text


def quoted(text: str) -> str:
    """Return a name that somebody else has written, in quotes for a message and not too long.

    What stands before an `@` may be a password and what follows a `?` a token, so they are left out.
    """
    name, question, _ = without_credentials(text).partition("?")
    before, at, last = name.rpartition("@")
    if at and (not last.startswith("sha256:") or "@" in before):
        name = f"[...]@{last}"
    shown = f"{name}?[...]" if question else name
    return f"'{shown}'" if len(shown) <= _SHOWN else f"'{shown[:_SHOWN]}...'"
