"""How far every run of a pipeline is, and which failed ones still need somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from acr_transfer.operate.runs import VERSION, Run, all_runs

if TYPE_CHECKING:
    from acr_transfer.azure.arm import ArmClient

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SideState:
    """One side: its pipeline, and its runs with the newest first."""

    side: str
    pipeline: str
    pipeline_state: str
    """Succeeded where it is there and whole; `missing` where it is gone."""

    trigger: str
    """Enabled or Disabled; empty for an export."""

    runs: tuple[Run, ...]


async def side_state(side: str, pipeline_id: str, container_url: str, management: ArmClient) -> SideState:
    """Ask for a pipeline and for all runs of it."""
    registry_id, kind, name = pipeline_id.rsplit("/", 2)
    pipeline = await management.get(f"{registry_id}/{kind}/{name}", VERSION)
    listed = await all_runs(registry_id, container_url, management)
    runs = [run for run in listed if run.pipeline == pipeline_id.lower()]
    properties = (pipeline or {}).get("properties") or {}
    return SideState(
        side=side,
        pipeline=name,
        pipeline_state=str(properties.get("provisioningState") or "unknown") if pipeline else "missing",
        trigger=str(((properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status") or ""),
        runs=tuple(sorted(runs, key=lambda run: run.started or _LONG_AGO, reverse=True)),
    )


def failed_and_never_mended(runs: Sequence[Run]) -> list[Run]:
    """Failed runs whose blob no later run moved well: those that still need somebody."""
    return [run for run in runs if run.failed and not _moved_later(run, runs)]


def _moved_later(run: Run, runs: Sequence[Run]) -> bool:
    return any(
        other.blob == run.blob
        and other.succeeded
        and (other.started or _LONG_AGO) > (run.started or _LONG_AGO)
        for other in runs
    )
