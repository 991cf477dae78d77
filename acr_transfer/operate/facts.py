"""What is known of one side of a transfer before it runs: what `doctor` judges by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction, has_option
from acr_transfer.model.sas import SasToken
from acr_transfer.model.times import parse_time

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Blob:
    """A blob in the container of a side."""

    name: str
    marked: bool
    """Whether it has the metadata that a trigger looks for."""

    hashed: bool
    """Whether it has a Content-MD5."""

    changed: datetime


@dataclass(kw_only=True)
class Facts:
    """One side as it was found. None: not there. What could not be seen is in `unseen`, by its name."""

    side: str
    """`source` or `target`."""

    stack: str
    """The name of its stack."""

    registry: Body | None = None
    pipeline: Body | None = None
    account: Body | None = None
    container: Body | None = None
    vault: Body | None = None
    secret: Body | None = None
    token: SasToken | None = None
    answer: str = ""
    """Why storage refuses the token when used from here: `signature`, or status and code; else empty."""

    roles: frozenset[str] = frozenset()
    """GUIDs of the roles of the pipeline's identity, on the container or on the vault."""

    may_not: tuple[str, ...] = ()
    """Kinds of resources of the registry that the caller may not make, though a transfer needs them."""

    artifacts: int = 0
    """How many the source's hand-over lists."""

    absent: tuple[str, ...] = ()
    """Those of them that are not in the registry."""

    burdens: tuple[str, ...] = ()
    """What the service cannot carry of them, in words."""

    blobs: tuple[Blob, ...] | None = None
    expected: tuple[str, ...] = ()
    """Names of the blobs in the source's hand-over."""

    imported: frozenset[str] = frozenset()
    """Names of the blobs that a run of the pipeline has read well."""

    clock: float | None = None
    """Seconds that this machine is ahead of the cloud."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unseen: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Body:
        """The pipeline's target or source: where its blobs are, and how it gets in."""
        properties = (self.pipeline or {}).get("properties") or {}
        found: Body = properties.get("target") or properties.get("source") or {}
        return found

    @property
    def by_identity(self) -> bool:
        """Whether the pipeline's identity opens the container itself, without a SAS token."""
        return str(self.place.get("storageAccessMode") or "").lower() == "managedidentity"

    @property
    def direction(self) -> Direction:
        """The direction of the side's pipeline."""
        return Direction.EXPORT if self.side == "source" else Direction.IMPORT

    @property
    def options(self) -> list[str]:
        """The pipeline's options, as Azure returns them."""
        listed = ((self.pipeline or {}).get("properties") or {}).get("options") or ()
        return [str(option) for option in listed]

    @property
    def deletes_blobs(self) -> bool:
        """Whether the pipeline deletes the blobs that it imported."""
        return has_option(self.options, DELETE_SOURCE_BLOB)

    @property
    def secret_name(self) -> str:
        """The name of the secret that holds the SAS token."""
        return str(self.place.get("keyVaultUri") or "").partition("/secrets/")[2].partition("/")[0]

    @property
    def keys_made(self) -> datetime | None:
        """When the elder of the account's keys was made; None where Azure does not say."""
        made = ((self.account or {}).get("properties") or {}).get("keyCreationTime") or {}
        known = [time for value in made.values() if (time := parse_time(value))]
        return min(known) if known and len(known) == len(made) else None

    @property
    def principal(self) -> str:
        """Whom the pipeline acts as."""
        identity = (self.pipeline or {}).get("identity") or {}
        assigned = [identity, *(identity.get("userAssignedIdentities") or {}).values()]
        return next((str(each["principalId"]) for each in assigned if each.get("principalId")), "")
