"""What a SAS token says about itself; its signature is never kept.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from acr_transfer.model.sas import SasToken
from acr_transfer.model.times import parse_time
from policy.framework.properties import text
from policy.framework.resources import Subject

HIDDEN = "[secret]"
"""What stands for a secret's value in an exported state."""


def token_of(secret: Subject) -> SasToken | None:
    """Return the SAS token of a secret that is for one, or None.

    Where the value cannot be read, in a first preview or an exported state, the token is what the tags state.
    """
    if not is_sas(secret):
        return None
    if has_value(secret):
        return SasToken.parse(text(secret.peek("properties.value")))
    rights, expires = tag(secret, "sp"), parse_time(tag(secret, "expiry"))
    return SasToken(permissions=frozenset(rights.lower()), expires=expires) if rights and expires else None


def has_value(secret: Subject) -> bool:
    """Whether the secret's value can be read."""
    return text(secret.peek("properties.value")) not in ("", HIDDEN)


def is_sas(secret: Subject) -> bool:
    """Whether a secret is a SAS token, by its tag or its value."""
    return bool(direction(secret)) or "sig=" in text(secret.peek("properties.value"))


def direction(secret: Subject) -> str:
    """Return the direction that the secret is tagged with, export or import; empty if there is no tag."""
    return text(tag(secret, "direction")).lower()


def tag(secret: Subject, name: str) -> str:
    """Return one of our tags, which say what the secret does not show, such as `sp`; empty if not there."""
    tags = secret.peek("tags")
    return text(tags.get(f"acr-transfer-{name}")) if isinstance(tags, dict) else ""
