"""What a SAS token says about itself; its signature is never kept.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from policy.framework.properties import text
from policy.framework.resources import Subject

HIDDEN = "[secret]"
"""What stands for a secret's value in an exported state."""

_SAID = ("sp", "spr", "sr", "srt", "st", "se")


@dataclass(frozen=True)
class Token:
    """A token's fields apart from the signature, by their names in the token."""

    fields: Mapping[str, str]

    marks: int | None
    """With how many question marks it begins; none if only the tags of its secret could be read."""

    def field(self, name: str) -> str:
        """Return a field such as `sp`; an empty text if it is not there."""
        return self.fields.get(name, "")

    def time(self, name: str) -> datetime | None:
        """Return a time such as `se`, in UTC; none if it is not there, or is no time."""
        try:
            found = datetime.fromisoformat(self.field(name))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def token_of(secret: Subject) -> Token | None:
    """Return the SAS token of a secret that is for one, or none.

    Where the value cannot be read, in a first preview or an exported state, it is what the tags say.
    """
    value = text(secret.peek("properties.value"))
    if not is_sas(secret):
        return None
    if value in ("", HIDDEN):
        said = {"sp": tag(secret, "sp"), "se": tag(secret, "expiry")}
        return Token(said, None) if all(said.values()) else None
    rest = value.lstrip("?")
    fields = parse_qs(rest)
    return Token({name: fields[name][0] for name in _SAID if name in fields}, len(value) - len(rest))


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
