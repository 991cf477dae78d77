"""What a SAS token allows, read from the token itself; its signature is thrown away at once.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs


@dataclass(frozen=True, kw_only=True)
class SasToken:
    """The readable part of a token. No secret is in it."""

    permissions: frozenset[str]
    starts: datetime | None
    expires: datetime | None
    https_only: bool
    resource: str
    """`c` for a container, `b` for a blob; empty for an account's token."""

    services: str
    """What an account's token opens, such as `sco`; empty for any other."""

    question_mark: bool
    """Whether it begins with exactly one `?`, as the service's documentation stores it."""

    signed: bool
    """Whether there is a signature at all."""

    @classmethod
    def parse(cls, text: str) -> SasToken:
        """Read a token; whatever it lacks is empty."""
        fields = {name: values[0] for name, values in parse_qs(text.lstrip("?")).items()}
        return cls(
            permissions=frozenset(fields.get("sp", "").lower()),
            starts=_time(fields.get("st", "")),
            expires=_time(fields.get("se", "")),
            https_only=fields.get("spr", "").lower() == "https",
            resource=fields.get("sr", "").lower(),
            services=fields.get("srt", "").lower(),
            question_mark=text.startswith("?") and not text.startswith("??"),
            signed=bool(fields.get("sig")),
        )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
