"""SAS tokens: the rights that pipelines need, what a token allows, and when it ends.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import parse_qs

from acr_transfer.model.limits import RUN_LIMIT
from acr_transfer.model.options import Direction
from acr_transfer.model.times import parse_time

ROTATION_SHARE = 20
"""Percent of a token's life: with less left, rotate the token. A reminder, while runs still end in time."""

REVIEW_MARGIN = timedelta(days=1)
"""The policy pack's default: a review comes before the deployment, so the token must outlast both."""

SECRET_LEEWAY = timedelta(minutes=5)
"""A vault secret may end this long before its token."""

_RIGHTS = {Direction.EXPORT: "rawl", Direction.IMPORT: "rl"}
RIGHT_NAMES = {"r": "read", "a": "add", "w": "write", "l": "list", "d": "delete"}
"""The rights that a pipeline may need, by their letters in `sp`."""


def needed_rights(direction: Direction, *, deletes_blobs: bool) -> str:
    """Return the rights that a pipeline needs, as the letters of `sp` in the order that Azure requires."""
    return "rdl" if direction is Direction.IMPORT and deletes_blobs else _RIGHTS[direction]


def other_key(key: str) -> str:
    """Return the account's other key, which can sign tokens while this one is rotated."""
    return "key1" if key == "key2" else "key2"


def ends_soon(expires: datetime, now: datetime) -> bool:
    """Whether a token that is still valid may end before a run that begins now."""
    return timedelta() < expires - now < RUN_LIMIT


def rotation_due(expires: datetime, written: datetime, now: datetime, share: int = ROTATION_SHARE) -> bool:
    """Whether less than `share` percent is left of the life of a token whose secret was written at `written`.

    The life begins with the vault's secret: a token names no start, so that an unchanged stack has an
    unchanged token.
    """
    return (expires - now) * 100 < (expires - written) * share


@dataclass(frozen=True, kw_only=True)
class SasToken:
    """The readable part of a SAS token. The signature is never kept."""

    permissions: frozenset[str] = frozenset()
    starts: datetime | None = None
    expires: datetime | None = None
    """The end of the token, or of the user delegation key that signed it if that is earlier."""

    https_only: bool = False
    addresses: str = ""
    """The address or range that may use it; empty for any."""

    stored_policy: str = ""
    """The container's stored access policy that holds rights or times; empty without one."""

    resource: str = ""
    """`c` for a container, `b` for a blob; empty for an account SAS."""

    services: str = ""
    """The services that an account SAS opens, such as `b` for blobs."""

    resource_types: str = ""
    """The kinds of resources that an account SAS opens, such as `sco`."""

    question_marks: int = 0
    """The number of leading `?`; ACR Transfer needs exactly one."""

    signed: bool = False
    """Whether the text has a signature at all."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token; fields that it lacks are empty. Any text is accepted, so check `signed`."""
        query = text.lstrip("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        ends = [end for name in ("se", "ske") if (end := parse_time(fields.get(name)))]
        return cls(
            permissions=frozenset(fields.get("sp", "").lower()),
            starts=parse_time(fields.get("st")),
            expires=min(ends) if ends and "se" in fields else None,
            https_only=fields.get("spr", "").lower() == "https",
            addresses=fields.get("sip", ""),
            stored_policy=fields.get("si", ""),
            resource=fields.get("sr", "").lower(),
            services=fields.get("ss", "").lower(),
            resource_types=fields.get("srt", "").lower(),
            question_marks=len(text) - len(query),
            signed=bool(fields.get("sig")),
        )

    @property
    def is_for_container(self) -> bool:
        """Whether this is a service SAS of one container."""
        return self.resource == "c"

    @property
    def is_for_account(self) -> bool:
        """Whether this is an account SAS."""
        return bool(self.resource_types)

    @property
    def opens_container(self) -> bool:
        """Whether the token opens a container and its blobs: a container SAS, or an account SAS for blobs."""
        opens_all = set("sco") <= set(self.resource_types) and "b" in self.services
        return self.is_for_container or opens_all

    def missing_rights(self, needed: str) -> Set[str]:
        """Return the letters of `needed` that the token lacks; empty if a stored access policy holds them."""
        return frozenset() if self.stored_policy else frozenset(needed) - self.permissions

    def excess_rights(self, allowed: str) -> Set[str]:
        """Return the letters that the token has beyond `allowed`."""
        return self.permissions - frozenset(allowed)


def right_names(letters: Set[str]) -> str:
    """Return rights in words, such as `read, list`."""
    return ", ".join(RIGHT_NAMES.get(letter, letter) for letter in sorted(letters, key="rawld".find))
