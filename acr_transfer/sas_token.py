"""What a SAS token allows, read from the token itself; its signature is thrown away at once.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from acr_transfer import timestamps


@dataclass(frozen=True, kw_only=True)
class SasToken:
    """The readable part of a token. No secret is in it."""

    permissions: frozenset[str]
    starts: datetime | None
    expires: datetime | None
    """The end of the token, or of the key that a user signed it with if that is sooner."""

    https_only: bool
    addresses: str
    """The address or range that it is good from; empty for any."""

    policy: str
    """The container's stored access policy that says what the token does not; empty if there is none."""

    resource: str
    """`c` for a container, `b` for a blob; empty for an account's token."""

    services: str
    """Which of an account's services it opens, such as `b` for blobs; empty for any other token."""

    resource_types: str
    """What of them it opens, such as `sco`; empty for any other token."""

    question_mark: bool
    """Whether it begins with exactly one `?`, as the service's documentation stores it."""

    signed: bool
    """Whether there is a signature at all."""

    @classmethod
    def parse(cls, text: str) -> SasToken:
        """Read a token; whatever it lacks is empty."""
        fields = {name: values[0] for name, values in parse_qs(text.lstrip("?")).items()}
        ends = [time for name in ("se", "ske") if (time := timestamps.parsed(fields.get(name)))]
        return cls(
            permissions=frozenset(fields.get("sp", "").lower()),
            starts=timestamps.parsed(fields.get("st")),
            expires=min(ends) if ends and "se" in fields else None,
            https_only=fields.get("spr", "").lower() == "https",
            addresses=fields.get("sip", ""),
            policy=fields.get("si", ""),
            resource=fields.get("sr", "").lower(),
            services=fields.get("ss", "").lower(),
            resource_types=fields.get("srt", "").lower(),
            question_mark=text.startswith("?") and not text.startswith("??"),
            signed=bool(fields.get("sig")),
        )
