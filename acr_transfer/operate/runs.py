"""The pipeline runs of a registry as Resource Manager lists them, including those that a trigger started.

https://learn.microsoft.com/rest/api/container-registry/pipeline-runs
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from acr_transfer.model.times import parse_time

if TYPE_CHECKING:
    from acr_transfer.azure.arm import ArmClient

VERSION = "2024-11-01-preview"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_BAD = ("failed", "canceled", "cancelled")
_ROLE = "the role Container Registry Transfer Pipeline Contributor on the registry"


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """One run, as the service reports it."""

    id: str
    name: str
    pipeline: str
    """The ID of its pipeline, in lower case."""

    blob: str
    """The name of the blob that it wrote or read; empty if unknown."""

    artifacts: int
    """Number of its artifacts; 0 for an import run that has not finished."""

    state: str
    """Succeeded, Failed, or the service's name for a state in between."""

    progress: str
    """Percent; empty if unknown."""

    started: datetime | None
    finished: datetime | None
    triggered: bool
    """Whether the source trigger started it."""

    error: str
    warning: str

    @property
    def succeeded(self) -> bool:
        """Whether it finished successfully."""
        return self.state == "Succeeded"

    @property
    def failed(self) -> bool:
        """Whether it failed or was canceled."""
        return self.state.lower() in _BAD

    @property
    def ended(self) -> bool:
        """Whether it finished, successfully or not."""
        return self.succeeded or self.failed

    def seconds(self, now: datetime) -> float | None:
        """Its duration so far; None if its start is unknown."""
        return ((self.finished or now) - self.started).total_seconds() if self.started else None

    @classmethod
    def parse(cls, body: Mapping[str, Any], container_url: str) -> "PipelineRun":
        """Read one as Resource Manager lists it; `container_url` is the container of its blobs."""
        properties = body.get("properties") or {}
        response, request = properties.get("response") or {}, properties.get("request") or {}
        state = _state(str(properties.get("provisioningState") or ""), str(response.get("status") or ""))
        message = str(response.get("pipelineRunErrorMessage") or "")
        bad = state.lower() in _BAD
        return cls(
            id=str(body.get("id") or ""),
            name=str(body.get("name") or ""),
            pipeline=str(request.get("pipelineResourceId") or "").lower(),
            blob=_blob(request, response, container_url),
            artifacts=len(response.get("importedArtifacts") or request.get("artifacts") or ()),
            state=state,
            progress=str((response.get("progress") or {}).get("percentage") or ""),
            started=parse_time(response.get("startTime")),
            finished=parse_time(response.get("finishTime")),
            triggered="trigger" in response,
            error=message if bad else "",
            warning="" if bad else message,
        )


async def all_runs(registry_id: str, container_url: str, arm: "ArmClient") -> list[PipelineRun]:
    """All runs of a registry's pipelines."""
    listed = await arm.list(f"{registry_id}/pipelineRuns", VERSION)
    return [PipelineRun.parse(body, container_url) for body in listed]


async def pipeline_runs(pipeline_id: str, container_url: str, arm: "ArmClient") -> list[PipelineRun]:
    """All runs of one pipeline."""
    runs = await all_runs(pipeline_id.rsplit("/", 2)[0], container_url, arm)
    return [run for run in runs if run.pipeline == pipeline_id.lower()]


def last_imports(runs: Sequence[PipelineRun]) -> dict[str, datetime]:
    """The start of the last run of each blob, if that run succeeded."""
    last = {run.blob: run for run in sorted(runs, key=start_of)}
    return {blob: start_of(run) for blob, run in last.items() if blob and run.succeeded}


def unresolved_failures(runs: Sequence[PipelineRun]) -> list[PipelineRun]:
    """The failed runs whose blob no later run moved."""
    moved = {run.blob: start_of(run) for run in sorted(runs, key=start_of) if run.succeeded}
    return [run for run in runs if run.failed and moved.get(run.blob, _LONG_AGO) <= start_of(run)]


def start_of(run: PipelineRun) -> datetime:
    """The time to sort a run by: a run of unknown start is the oldest."""
    return run.started or _LONG_AGO


async def remove_run(run: PipelineRun, arm: "ArmClient") -> None:
    """Remove the record of a run; its blob and images stay."""
    await arm.remove(run.id, VERSION, needs=_ROLE)


def _state(resource: str, transfer: str) -> str:
    """Succeeded if both the resource and the transfer succeeded; failed if either failed."""
    states = [transfer or "Unknown", resource or "Unknown"]
    bad = next((each for each in states if each.lower() in _BAD), "")
    return bad or next((each for each in states if each != "Succeeded"), "Succeeded")


def _blob(request: Mapping[str, Any], response: Mapping[str, Any], container_url: str) -> str:
    """The name of the blob: as requested, or the end of its URL for a run of the trigger."""
    named = ((request.get(end) or {}).get("name") for end in ("source", "target"))
    if name := next(filter(None, named), None):
        return str(name)
    start = f"{container_url.rstrip('/')}/"
    for end in ("source", "target"):
        uri = str((response.get(end) or {}).get("uri") or "").partition("?")[0]
        if uri.lower().startswith(start.lower()):
            return unquote(uri[len(start) :])
    return ""
