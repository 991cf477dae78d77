"""Times as Azure, registries and tokens write them."""

from datetime import UTC, datetime

EXPIRY_FORM = "a time with its time zone, such as 2027-01-31T00:00:00Z"
"""The form of an expiry that a person enters, for messages."""


def parse_time(text: object) -> datetime | None:
    """Return a time of RFC 3339 or ISO 8601 in UTC, or None for any other text. Without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(str(text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_expiry(text: str) -> datetime:
    """Return the expiry that a person entered, in UTC and in whole seconds, as a SAS token states it.

    Raises `ValueError` for any other text, and for a time without a zone: it would differ between machines.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; expected {EXPIRY_FORM}")
    try:
        return found.astimezone(UTC).replace(microsecond=0)
    except OverflowError as failure:
        raise ValueError(f"{text!r} is outside the range of UTC times") from failure


def format_time(time: datetime) -> str:
    """Return a time as RFC 3339 in UTC, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
