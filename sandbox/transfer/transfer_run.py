"""One pipeline run: its stored state, what it has to transfer, and its outcome."""

from dataclasses import dataclass, field

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.faults.state import Faults
from sandbox.transfer.failures import TransferFailedError
from sandbox.transfer.rules import CONTINUE

TYPE = "Microsoft.ContainerRegistry/registries/pipelineRuns"
FAILED = "PipelineRunFailed"
"""The error code of a failed run's operation. Azure's is not published; see docs/sandbox.md."""


@dataclass
class TransferOutcome:
    """The result of a run that did not fail."""

    artifacts: list[str] = field(default_factory=list)
    catalog_digest: str = ""
    warnings: list[str] = field(default_factory=list)
    """Errors that did not fail the run."""

    partial: bool = False
    """Whether ContinueOnErrors left artifacts out."""


@dataclass
class RunRecord:
    """The stored state of a run. Every change is durable on return."""

    resources: Resources
    faults: Faults
    id: ResourceId
    body: Json

    def report(self, percentage: int) -> None:
        """Record the progress."""
        progress = {"percentage": str(percentage)}
        if self._response["progress"] != progress and self.faults.choice("progress") == "steps":
            self._response["progress"] = progress
            self._save()

    @property
    def checkpoint(self) -> dict[str, str]:
        """The checkpoint of an interrupted run; empty for a new run."""
        found: dict[str, str] = self.body["sandbox"]["reached"]
        return found

    @property
    def checkpoint_outcome(self) -> TransferOutcome:
        """The outcome in the checkpoint."""
        return TransferOutcome(self.checkpoint["artifacts"].split(), self.checkpoint["digest"])

    def save_checkpoint(self, outcome: TransferOutcome, **more: str) -> None:
        """Record the outcome before the step that completes it."""
        artifacts = " ".join(outcome.artifacts)
        self.body["sandbox"]["reached"] = {"digest": outcome.catalog_digest, "artifacts": artifacts, **more}
        self._save()

    def succeed(self, outcome: TransferOutcome) -> None:
        """Record success, perhaps partial."""
        done: Json = {"progress": {"percentage": "100"}, "catalogDigest": outcome.catalog_digest}
        if "source" in self._response:
            done["importedArtifacts"] = outcome.artifacts
        if outcome.warnings:
            done["pipelineRunErrorMessage"] = " ".join(outcome.warnings)
        failed = outcome.partial and self.faults.choice("partial") == "failed"
        self._finish("Failed" if failed else "Succeeded", done)

    def fail(self, message: str) -> None:
        """Record failure."""
        self._finish("Failed", {"pipelineRunErrorMessage": message})

    def _finish(self, status: str, details: Json) -> None:
        self.body["properties"]["provisioningState"] = status
        self._response.update({"status": status, "finishTime": self.faults.now().isoformat(), **details})
        ended: Json = {"status": "Succeeded"}
        if status == "Failed" and self.faults.choice("failed-run") == "failed":
            error = {"code": FAILED, "message": details.get("pipelineRunErrorMessage", "")}
            ended = {"status": "Failed", "error": error}
        with self.resources.transaction():
            self._save()
            self.resources.put_operation(self.body["sandbox"]["operation"], ended)

    def _save(self) -> None:
        """Store the run, unless it was deleted or replaced."""
        stored = self.resources.get(self.id)
        if stored and stored["sandbox"]["operation"] == self.body["sandbox"]["operation"]:
            self.resources.put(self.id, TYPE, self.body)

    @property
    def _response(self) -> Json:
        found: Json = self.body["properties"]["response"]
        return found


@dataclass(frozen=True)
class TransferRun:
    """What an export or import has to do."""

    registry: str
    """The registry's name, for messages."""

    blob: str
    record: RunRecord
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
