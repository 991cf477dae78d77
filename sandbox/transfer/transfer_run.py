"""One run of the transfer service: its request, its progress and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.transfer.failures import TransferFailedError
from sandbox.transfer.rules import CONTINUE


@dataclass
class TransferOutcome:
    """The result of a run that did not fail."""

    artifacts: list[str] = field(default_factory=list)
    catalog_digest: str = ""
    warnings: list[str] = field(default_factory=list)
    """Errors that did not fail the run."""

    partial: bool = False
    """Whether ContinueOnErrors left artifacts out."""


@dataclass(frozen=True)
class RunProgress:
    """The recorded progress of a run, from which an interrupted run continues."""

    report: Callable[[int], None]
    """Report a percentage."""

    checkpoint: dict[str, str]
    """The checkpoint of the interrupted run; empty for a new run."""

    store: Callable[[dict[str, str]], None]
    """Store a checkpoint durably."""

    def save(self, outcome: TransferOutcome, **more: str) -> None:
        """Store an outcome before the step that completes it."""
        artifacts = " ".join(outcome.artifacts)
        self.store({"digest": outcome.catalog_digest, "artifacts": artifacts, **more})

    @property
    def saved(self) -> TransferOutcome:
        """The outcome in the checkpoint."""
        return TransferOutcome(self.checkpoint["artifacts"].split(), self.checkpoint["digest"])


@dataclass(frozen=True)
class TransferRun:
    """The request of a run and the options of its pipeline."""

    registry: str
    """The registry's name, for messages."""

    blob: str
    progress: RunProgress
    artifacts: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    catalog_digest: str = ""
    """The expected digest of the archive, or an empty string."""

    skip_existing: bool = False
    """Whether an existing blob or tag that must not be overwritten is skipped instead of failing the run."""

    def has(self, option: str) -> bool:
        """Whether the pipeline has an option, in any case."""
        return option.lower() in {each.lower() for each in self.options}

    def require_complete(self, failures: list[str], *, remaining: int) -> None:
        """Fail the run with these messages, unless ContinueOnErrors transfers the remaining artifacts."""
        if failures and not (self.has(CONTINUE) and remaining):
            raise TransferFailedError(" ".join(failures))
