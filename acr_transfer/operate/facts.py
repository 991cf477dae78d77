"""The facts of one side that `doctor` checks, and the findings that its checks return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from acr_transfer.azure.stack_state import StateResource
from acr_transfer.model.failures.failure import Cause, Failure
from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction, has_option
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.sas import SasToken, other_key
from acr_transfer.model.times import parse_time
from acr_transfer.operate.blobs import StoredBlob
from acr_transfer.operate.rights import Right
from acr_transfer.operate.runs import PipelineRun

if TYPE_CHECKING:
    # The client of registries takes long to load.
    from acr_transfer.registry.moved_tags import MovedTag

Body = Mapping[str, Any]


def properties(body: Body | None) -> Body:
    """The properties of a resource; empty if it has none."""
    return (body or {}).get("properties") or {}


class CheckOutcome(StrEnum):
    """The outcome of a check."""

    GOOD = "good"
    FAULT = "fault"
    WARNING = "warning"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class DoctorFinding:
    """One check and what it found."""

    side: str
    check: str
    outcome: CheckOutcome
    what: str
    cause: Cause | None = None
    """Why a transfer would fail, and the ways out; None unless the outcome is a fault or a warning."""


@dataclass(kw_only=True)
class Facts:
    """One side. None: the resource does not exist, or could not be read and is named in `unseen`."""

    side: str
    """`source` or `target`."""

    stack: str
    """The name of its stack."""

    stacks: Mapping[str, str] = field(default_factory=dict)
    """The names of both stacks, by side."""

    config: Mapping[str, str] | None = None
    """The stack's configuration without the namespace of its keys; None if unknown."""

    registry: Body | None = None
    pipeline: Body | None = None
    account: Body | None = None
    container: Body | None = None
    vault: Body | None = None
    secret: Body | None = None
    token: SasToken | None = None
    rejection: str = ""
    """Why storage rejects the token here: `signature`, or status and code. Empty if it accepts the token."""

    roles: frozenset[str] = frozenset()
    """GUIDs of the roles of the pipeline's identity, on the container or on the vault."""

    lacking_to_operate: tuple[Right, ...] = ()
    """The caller's missing rights for the commands."""

    lacking_to_deploy: tuple[Right, ...] = ()
    """The caller's missing rights for `pulumi up`."""

    scopes: Mapping[str, str] = field(default_factory=dict)
    """The resource IDs of the places of rights."""

    registry_roles: frozenset[str] = frozenset()
    """The same on the registry, if it honors roles on repositories."""

    configured_mode: str = ""
    """The stack's registryRoleAssignmentMode; empty for the default."""

    artifacts: int = 0
    """Number of artifacts in the source's hand-over."""

    absent: tuple[str, ...] = ()
    """The ones that are not in the registry."""

    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Why the registry does not return artifacts, by their references."""

    moved: "tuple[MovedTag, ...]" = ()
    """Existing artifacts of the lock with another digest than it pins."""

    unsupported: tuple[str, ...] = ()
    """Sentences about artifacts that the service does not transfer."""

    blobs: tuple[StoredBlob, ...] | None = None
    handover_blobs: tuple[str, ...] = ()
    """Names of the blobs in the source's hand-over."""

    needed_blobs: tuple[str, ...] | None = None
    """At the source, names of the blobs in the hand-over that the target has neither imported nor in its
    container; None if that is unknown."""

    runs: frozenset[str] | None = None
    """IDs, in lower case, of the runs of the pipeline; None if they could not be read."""

    imported: frozenset[str] = frozenset()
    """Names of the blobs that a run of the pipeline exported or imported."""

    failed: Mapping[str, PipelineRun] = field(default_factory=dict)
    """The last failed run of each blob that no later run of the pipeline exported or imported."""

    deleted: list[StateResource] = field(default_factory=list)
    """Resources of the stack's state that Azure does not have."""

    replaced_pipelines: tuple[str, ...] = ()
    """Names of pipelines in the stack's state that another one has replaced, and that are not deleted yet."""

    clock: float | None = None
    """Seconds that this machine is ahead of the cloud."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unseen: dict[str, str] = field(default_factory=dict)
    """What the caller could not read, and why."""

    errors: dict[str, str] = field(default_factory=dict)
    """What could not be collected because of an error of this program, and its type."""

    @property
    def lacking_blobs(self) -> tuple[str, ...] | None:
        """At the target, names of the blobs in the hand-over that are neither imported nor in the container.

        None if the blobs or the runs could not be read.
        """
        if self.runs is None or (self.blobs is None and self.container):
            return None
        present = {blob.name for blob in self.blobs or ()} | self.imported
        return tuple(name for name in self.handover_blobs if name not in present)

    @property
    def container_settings(self) -> Body:
        """The pipeline's target or source: its container and its access to it."""
        return properties(self.pipeline).get("target") or properties(self.pipeline).get("source") or {}

    @property
    def by_identity(self) -> bool:
        """Whether the pipeline uses its identity instead of a SAS token."""
        return str(self.container_settings.get("storageAccessMode") or "").lower() == "managedidentity"

    @property
    def direction(self) -> Direction:
        """The direction of the side's pipeline."""
        return Direction.EXPORT if self.side == "source" else Direction.IMPORT

    @property
    def options(self) -> list[str]:
        """The pipeline's options, as Azure returns them."""
        return [str(option) for option in properties(self.pipeline).get("options") or ()]

    @property
    def deletes_blobs(self) -> bool:
        """Whether the pipeline deletes the blobs that it imported."""
        return has_option(self.options, DELETE_SOURCE_BLOB)

    @property
    def secret_uri(self) -> str:
        """The URI of the secret that holds the SAS token; empty if the pipeline uses its identity."""
        return str(self.container_settings.get("keyVaultUri") or "")

    @property
    def secret_name(self) -> str:
        """The name of that secret."""
        return self.secret_uri.partition("/secrets/")[2].partition("/")[0]

    @property
    def keys_created(self) -> datetime | None:
        """Creation time of the older account key; None where Azure does not report it."""
        created = properties(self.account).get("keyCreationTime") or {}
        known = [time for value in created.values() if (time := parse_time(value))]
        return min(known) if known and len(known) == len(created) else None

    @property
    def principal(self) -> str:
        """The principal ID of the pipeline's identity; empty if it has none."""
        identity = (self.pipeline or {}).get("identity") or {}
        assigned = [identity, *(identity.get("userAssignedIdentities") or {}).values()]
        return next((str(each["principalId"]) for each in assigned if each.get("principalId")), "")

    @property
    def has_user_identity(self) -> bool:
        """Whether the pipeline's identity is user-assigned."""
        return bool(((self.pipeline or {}).get("identity") or {}).get("userAssignedIdentities"))

    @property
    def known(self) -> dict[str, str]:
        """The names that the commands of a way out need."""
        account = ResourceId.of(str((self.account or {}).get("id") or (self.account or {}).get("name") or ""))
        return {
            **self.stacks,
            "side": self.side,
            "stack": self.stack,
            "registry": str((self.registry or {}).get("name") or ""),
            "registry group": ResourceId.of(str((self.registry or {}).get("id") or "")).resource_group,
            "account": account.name,
            "group": account.resource_group,
            "container": str(self.container_settings.get("uri") or "").rstrip("/").rpartition("/")[2],
            "vault": str((self.vault or {}).get("name") or ""),
            "secret": self.secret_name,
            "items": str(len(self.options)),
            "lock": (self.config or {}).get("lock", ""),
            "other": other_key((self.config or {}).get("sasKey", "")),
        }

    def good(self, check: str, what: str) -> DoctorFinding:
        """The check passed."""
        return DoctorFinding(self.side, check, CheckOutcome.GOOD, what)

    def fault(self, check: str, what: str, failure: Failure, **known: str) -> DoctorFinding:
        """A transfer would fail. `known` has names for the commands besides those of the side."""
        return DoctorFinding(self.side, check, CheckOutcome.FAULT, what, self.cause(failure, **known))

    def warning(self, check: str, what: str, failure: Failure, **known: str) -> DoctorFinding:
        """A transfer may fail, now or later. `known` as in `fault`."""
        return DoctorFinding(self.side, check, CheckOutcome.WARNING, what, self.cause(failure, **known))

    def not_seen(self, what: str, reason: str = "") -> DoctorFinding:
        """The caller could not read something. The check neither passes nor fails."""
        reason = reason or self.unseen.get(what, "not read")
        return DoctorFinding(self.side, what, CheckOutcome.UNSEEN, f"{what} could not be read: {reason}")

    def missing(self, what: str, failure: Failure) -> DoctorFinding:
        """Something does not exist, or could not be read."""
        if what in self.unseen:
            return self.not_seen(what)
        return self.fault(what.removeprefix("the "), f"{what} does not exist", failure)

    def cause(self, failure: Failure, **known: str) -> Cause:
        """A failure of the side, with the names for its commands; `known` as in `fault`."""
        return Cause(failure, {**self.known, **known}, self.side, self.config)
