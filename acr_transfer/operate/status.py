"""The state of a side's pipeline and of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from acr_transfer.operate.runs import VERSION, Run, all_runs

if TYPE_CHECKING:
    from acr_transfer.azure.arm import ArmClient
    from acr_transfer.azure.stacks import Stack

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

    runs: tuple[Run, ...]


async def read_side(side: str, stack: Stack) -> SideState:
    """Read a stack's pipeline and its runs; `side` is `source` or `target`."""
    from acr_transfer.azure import connect

    async with connect.arm(stack) as arm:
        return await side_state(side, stack.pipeline_id(side), stack.container_url(), arm)


async def side_state(side: str, pipeline_id: str, container_url: str, arm: ArmClient) -> SideState:
    """Read a pipeline and its runs."""
    registry_id, kind, name = pipeline_id.rsplit("/", 2)
    pipeline = await arm.get(f"{registry_id}/{kind}/{name}", VERSION)
    listed = await all_runs(registry_id, container_url, arm)
    runs = [run for run in listed if run.pipeline == pipeline_id.lower()]
    properties = (pipeline or {}).get("properties") or {}
    return SideState(
        side=side,
        pipeline=name,
        pipeline_state=str(properties.get("provisioningState") or "unknown") if pipeline else "missing",
        trigger=str(((properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status") or ""),
        runs=tuple(sorted(runs, key=lambda run: run.started or _LONG_AGO, reverse=True)),
    )


def unresolved_failures(runs: Sequence[Run]) -> list[Run]:
    """The failed runs whose blob no later run moved."""
    return [run for run in runs if run.failed and not _moved_later(run, runs)]


def _moved_later(run: Run, runs: Sequence[Run]) -> bool:
    return any(
        other.blob == run.blob
        and other.succeeded
        and (other.started or _LONG_AGO) > (run.started or _LONG_AGO)
        for other in runs
    )
