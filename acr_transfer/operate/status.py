"""The state of a side's pipeline and of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from acr_transfer.azure.stacks import Stack
from acr_transfer.operate.runs import VERSION, PipelineRun, pipeline_runs

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SideState:
    """One side: its pipeline and its runs, newest first."""

    side: str
    pipeline: str
    pipeline_state: str
    """Azure's provisioning state; `missing` if the pipeline does not exist."""

    trigger: str
    """Enabled or Disabled; empty for an export pipeline."""

    runs: tuple[PipelineRun, ...]


async def read_side(side: str, stack: Stack) -> SideState:
    """Read a stack's pipeline and its runs; `side` is `source` or `target`."""
    from acr_transfer.azure import connect

    pipeline_id = stack.pipeline_id(side)
    async with connect.arm(stack) as arm:
        pipeline = await arm.get(pipeline_id, VERSION)
        runs = await pipeline_runs(pipeline_id, stack.container_url(), arm)
    properties = (pipeline or {}).get("properties") or {}
    return SideState(
        side=side,
        pipeline=pipeline_id.rpartition("/")[2],
        pipeline_state=str(properties.get("provisioningState") or "unknown") if pipeline else "missing",
        trigger=str(((properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status") or ""),
        runs=tuple(sorted(runs, key=_start, reverse=True)),
    )


def unresolved_failures(runs: Sequence[PipelineRun]) -> list[PipelineRun]:
    """The failed runs whose blob no later run moved."""
    moved = {run.blob: _start(run) for run in sorted(runs, key=_start) if run.succeeded}
    return [run for run in runs if run.failed and moved.get(run.blob, _LONG_AGO) <= _start(run)]


def _start(run: PipelineRun) -> datetime:
    return run.started or _LONG_AGO
