"""Vault secrets that hold a SAS token: the token, and the tags that the components put on the secret."""

from acr_transfer.model.sas import SasToken
from acr_transfer.model.times import parse_time
from policy.framework.properties import text
from policy.framework.resources import ResourceView

_HIDDEN = "[secret]"
"""Stands for the value of a secret in an exported state."""


def sas_token(secret: ResourceView) -> SasToken | None:
    """Return the SAS token of a secret; None for any other secret.

    The value is unknown in a first preview and hidden in an exported state. There, the token has the rights
    and the expiry from the tags, and None is returned without these tags.
    """
    if not is_sas(secret):
        return None
    if has_value(secret):
        return SasToken.parse(text(secret.peek("properties.value")))
    rights, expires = tag(secret, "sp"), parse_time(tag(secret, "expiry"))
    return SasToken(permissions=frozenset(rights.lower()), expires=expires) if rights and expires else None


def has_value(secret: ResourceView) -> bool:
    """Whether the secret's value can be read."""
    return text(secret.peek("properties.value")) not in ("", _HIDDEN)


def is_sas(secret: ResourceView) -> bool:
    """Whether a secret holds a SAS token, by its tag or its value."""
    return bool(tag(secret, "direction")) or "sig=" in text(secret.peek("properties.value"))


def tag(secret: ResourceView, name: str) -> str:
    """Return one of the tags that the components set, such as `sp` or `direction`; empty if it is missing."""
    tags = secret.peek("tags")
    return text(tags.get(f"acr-transfer-{name}")) if isinstance(tags, dict) else ""
