"""How far every run of a pipeline is, those that a trigger made included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from transfer.causes import Cause, cause_of

if TYPE_CHECKING:
    from transfer.management import Management

_RUNS = "2024-11-01-preview"
_BAD = ("failed", "canceled", "cancelled")


@dataclass(frozen=True, kw_only=True)
class RunState:
    """One run as the service tells it."""

    side: str
    name: str
    blob: str
    artifacts: int
    """How many it was asked for; an import run that is not over yet does not say."""

    state: str
    """Succeeded, Failed, or what the service says while it works."""

    progress: str
    started: str
    finished: str
    triggered: bool
    """Whether the service made it by itself when the blob arrived."""

    error: str
    warning: str

    @property
    def failed(self) -> bool:
        """Whether it is over, and not well."""
        return self.state.lower() in _BAD

    @property
    def working(self) -> bool:
        """Whether it is not over."""
        return self.state != "Succeeded" and not self.failed

    @property
    def cause(self) -> Cause | None:
        """Why it failed, and what to do."""
        return cause_of(self.error) if self.failed else None

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has been taking; None if it does not say when it began."""
        began, ended = _time(self.started), _time(self.finished)
        return ((ended or now) - began).total_seconds() if began else None


@dataclass(frozen=True, kw_only=True)
class SideState:
    """One side: its pipeline, and its runs with the newest first."""

    side: str
    pipeline: str
    pipeline_state: str
    """Succeeded where it is there and whole; `missing` where it is gone."""

    trigger: str
    """Enabled or Disabled; empty for an export."""

    runs: tuple[RunState, ...]

    @property
    def failed(self) -> bool:
        """Whether something of this side is not as it should be."""
        return self.pipeline_state != "Succeeded" or any(run.failed for run in self.runs)


async def side_state(side: str, pipeline_id: str, management: Management) -> SideState:
    """Ask for a pipeline and for all runs of it."""
    registry_id, kind, name = pipeline_id.rsplit("/", 2)
    pipeline = await management.get(f"{registry_id}/{kind}/{name}", _RUNS)
    listed = await management.list(f"{registry_id}/pipelineRuns", _RUNS)
    runs = [_run(side, body) for body in listed if _pipeline_of(body) == pipeline_id.lower()]
    properties = (pipeline or {}).get("properties") or {}
    return SideState(
        side=side,
        pipeline=name,
        pipeline_state=str(properties.get("provisioningState") or "unknown") if pipeline else "missing",
        trigger=str(((properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status") or ""),
        runs=tuple(sorted(runs, key=lambda run: run.started, reverse=True)),
    )


def failed_and_never_mended(runs: Sequence[RunState]) -> list[RunState]:
    """Failed runs whose blob no later run moved well: those that still need somebody."""
    return [run for run in runs if run.failed and not _moved_later(run, runs)]


def _moved_later(run: RunState, runs: Sequence[RunState]) -> bool:
    return any(
        other.blob == run.blob and other.state == "Succeeded" and other.started > run.started
        for other in runs
    )


def _run(side: str, body: Mapping[str, Any]) -> RunState:
    properties = body.get("properties") or {}
    response, request = properties.get("response") or {}, properties.get("request") or {}
    end = response.get("target") or response.get("source") or {}
    state = _state(str(properties.get("provisioningState") or ""), str(response.get("status") or ""))
    said = str(response.get("pipelineRunErrorMessage") or "")
    bad = state.lower() in _BAD
    return RunState(
        side=side,
        name=str(body.get("name") or ""),
        blob=str(end.get("uri") or "").split("?")[0].rpartition("/")[2],
        artifacts=len(response.get("importedArtifacts") or request.get("artifacts") or ()),
        state=state,
        progress=str((response.get("progress") or {}).get("percentage") or ""),
        started=str(response.get("startTime") or ""),
        finished=str(response.get("finishTime") or ""),
        triggered="trigger" in response,
        error=said if bad else "",
        warning="" if bad else said,
    )


def _state(resource: str, transfer: str) -> str:
    """Good only if the resource and the transfer both say so; failed if either does."""
    said = [transfer or "Unknown", resource or "Unknown"]
    bad = next((each for each in said if each.lower() in _BAD), "")
    return bad or next((each for each in said if each != "Succeeded"), "Succeeded")


def _pipeline_of(body: Mapping[str, Any]) -> str:
    request = (body.get("properties") or {}).get("request") or {}
    return str(request.get("pipelineResourceId") or "").lower()


def _time(text: str) -> datetime | None:
    # Azure writes up to seven decimals; Python reads six.
    try:
        found = datetime.fromisoformat(
            text[:26] + text[27:] if len(text) > 26 and text[26].isdigit() else text
        )
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
