"""Times as Azure, registries and tokens write them."""

from __future__ import annotations

from datetime import UTC, datetime


def parsed(text: object) -> datetime | None:
    """A time of RFC 3339 or ISO 8601, in UTC where it names no zone; None for any other text."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def spelled(time: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
