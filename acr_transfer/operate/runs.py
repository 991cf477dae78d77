"""The pipeline runs of a registry as Azure Resource Manager lists them, those that a trigger made included.

https://learn.microsoft.com/rest/api/container-registry/pipeline-runs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from acr_transfer.model.times import parse_time
from acr_transfer.operate.run_errors import Cause, cause_of

if TYPE_CHECKING:
    from acr_transfer.azure.arm import ArmClient

VERSION = "2024-11-01-preview"
_BAD = ("failed", "canceled", "cancelled")
_ROLE = "the role Container Registry Transfer Pipeline Contributor on the registry"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as the service tells it."""

    id: str
    name: str
    pipeline: str
    """The ID of its pipeline, in lower case."""

    blob: str
    """The name of the blob that it wrote or read; empty if it does not say."""

    artifacts: int
    """How many it was asked for; an import run that is not over yet does not say."""

    state: str
    """Succeeded, Failed, or what the service says while it works."""

    progress: str
    """Percent; empty if it does not say."""

    started: datetime | None
    finished: datetime | None
    triggered: bool
    """Whether the service made it by itself when the blob arrived."""

    error: str
    warning: str

    @property
    def succeeded(self) -> bool:
        """Whether it is over, and well."""
        return self.state == "Succeeded"

    @property
    def failed(self) -> bool:
        """Whether it is over, and not well."""
        return self.state.lower() in _BAD

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.succeeded or self.failed

    @property
    def cause(self) -> Cause | None:
        """Why it failed, and what to do."""
        return cause_of(self.error) if self.failed else None

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has been taking; None if it does not say when it began."""
        return ((self.finished or now) - self.started).total_seconds() if self.started else None

    @classmethod
    def parse(cls, body: Mapping[str, Any], container_url: str) -> Run:
        """Read one as it is listed; the blobs are those of this container."""
        properties = body.get("properties") or {}
        response, request = properties.get("response") or {}, properties.get("request") or {}
        state = _state(str(properties.get("provisioningState") or ""), str(response.get("status") or ""))
        said = str(response.get("pipelineRunErrorMessage") or "")
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
            error=said if bad else "",
            warning="" if bad else said,
        )


async def all_runs(registry_id: str, container_url: str, management: ArmClient) -> list[Run]:
    """All runs of a registry, of all its pipelines."""
    listed = await management.list(f"{registry_id}/pipelineRuns", VERSION)
    return [Run.parse(body, container_url) for body in listed]


async def remove(run: Run, management: ArmClient) -> None:
    """Remove the record of a run; neither blob nor images change."""
    await management.remove(run.id, VERSION, needs=_ROLE)


def _state(resource: str, transfer: str) -> str:
    """Good only if the resource and the transfer both say so; failed if either does."""
    said = [transfer or "Unknown", resource or "Unknown"]
    bad = next((each for each in said if each.lower() in _BAD), "")
    return bad or next((each for each in said if each != "Succeeded"), "Succeeded")


def _blob(request: Mapping[str, Any], response: Mapping[str, Any], container_url: str) -> str:
    """The name of the blob: as asked for, or, for a run of the trigger, the end of its URL."""
    for end in ("source", "target"):
        name = (request.get(end) or {}).get("name")
        if name:
            return str(name)
    start = f"{container_url.rstrip('/')}/"
    for end in ("source", "target"):
        uri = str((response.get(end) or {}).get("uri") or "").partition("?")[0]
        if uri.lower().startswith(start.lower()):
            return unquote(uri[len(start) :])
    return ""
