"""Removes blobs and runs that earlier transfers left behind."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from acr_transfer.azure.recorded_runs import NO_RUNS, RecordedRuns
from acr_transfer.azure.stacks import Stack
from acr_transfer.errors import explained, host
from acr_transfer.operate.blobs import StoredBlob, list_blobs
from acr_transfer.operate.runs import PipelineRun, all_runs, remove_run
from acr_transfer.units import plural

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

    from acr_transfer.azure.arm import ArmClient

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Leftover:
    """A blob or run that a transfer left behind, and whether it is removed."""

    side: str
    item: StoredBlob | PipelineRun
    goes: bool
    reason: str

    @property
    def kind(self) -> str:
        """`blob` or `run`."""
        return "run" if isinstance(self.item, PipelineRun) else "blob"

    @property
    def name(self) -> str:
        """The name of the blob or run."""
        return self.item.name

    @property
    def size(self) -> int:
        """Bytes of the blob; 0 for a run."""
        return 0 if isinstance(self.item, PipelineRun) else self.item.size


@dataclass(frozen=True, kw_only=True)
class SideContents:
    """The blobs and runs of one side."""

    name: str
    """`source` or `target`."""

    blobs: Sequence[StoredBlob]
    runs: Sequence[PipelineRun]
    needed: Collection[str] = ()
    """Names of the blobs in the hand-over (source only)."""

    pipeline: str = ""
    """The ID of its pipeline, in lower case: other stacks can have pipelines in the same registry."""

    state: RecordedRuns = NO_RUNS
    """The stack's state: `pulumi up` would repeat a removed run of it."""


async def clean_side(
    side: str, stack: Stack, state: RecordedRuns, age: timedelta, *, every_run: bool, remove: bool
) -> list[Leftover]:
    """The blobs and runs of a side; with `remove`, those that go are deleted. The rest as in `leftovers`."""
    from acr_transfer.azure import connect, containers

    async with containers.container(stack) as container, connect.arm(stack) as arm:
        contents = await _contents(side, stack, state, container.client, arm)
        found = leftovers(contents, datetime.now(UTC), age, every_run=every_run)
        if remove:
            await _remove([leftover for leftover in found if leftover.goes], container.client, arm)
    return found


async def _contents(
    side: str, stack: Stack, state: RecordedRuns, container: "ContainerClient", arm: "ArmClient"
) -> SideContents:
    pipeline_id = stack.pipeline_id(side)
    registry_id = pipeline_id.rsplit("/", 2)[0]
    return SideContents(
        name=side,
        # Other blobs in the container do not belong to a transfer.
        blobs=[blob for blob in await list_blobs(container) if blob.has_category],
        runs=await all_runs(registry_id, stack.container_url(), arm),
        needed=stack.handover().blob_names if side == "source" else (),
        pipeline=pipeline_id.lower(),
        state=state,
    )


async def _remove(going: Sequence[Leftover], container: "ContainerClient", arm: "ArmClient") -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    # Blobs first: after an interruption, the record of their import still exists.
    for blob in (leftover.item for leftover in going if isinstance(leftover.item, StoredBlob)):
        with explained(f"removing blob {blob.name}", host(container.url), needs="to delete blobs"):
            try:
                await container.delete_blob(
                    blob.name, etag=blob.etag, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                continue  # Overwritten or deleted since it was listed.
    for run in (leftover.item for leftover in going if isinstance(leftover.item, PipelineRun)):
        await remove_run(run, arm)


def leftovers(
    side: SideContents, now: datetime, age: timedelta, *, every_run: bool = False
) -> list[Leftover]:
    """Every blob and run of a side, and whether it goes. Only what ended longer than `age` ago goes.

    A run whose blob stays goes only with `every_run`.
    """
    blobs = [Leftover(side.name, blob, *_blob(blob, side, now, age)) for blob in side.blobs]
    own = [run for run in side.runs if run.pipeline in (side.pipeline, *side.state.replaced_pipelines)]
    # At the source, a run's record goes before its blob: a blob that no record names is not needed.
    kept = {blob.name for blob in blobs if not blob.goes} if side.name == "target" else set(side.needed)
    kept = set() if every_run else kept
    runs = [Leftover(side.name, run, *_run(run, side, kept, now, age)) for run in own]
    return blobs + runs


def _blob(blob: StoredBlob, side: SideContents, now: datetime, age: timedelta) -> tuple[bool, str]:
    at_source = side.name == "source"
    if at_source and blob.name in side.needed:
        return False, "in the hand-over: the target may still need it"
    runs = [run for run in side.runs if run.blob == blob.name]
    if active := next((run for run in runs if not run.ended), None):
        return False, f"run {active.name} is {'writing' if at_source else 'importing'} it"
    if at_source:
        if blob.name in side.state.blobs:
            return False, "of a run in the stack: the next `pulumi up` hands it over"
        if runs:
            return False, f"of run {runs[0].name}, whose record exists"
        since = _since(blob.modified, now)
        if since < age:
            return False, f"not in the hand-over, but only {_days(since)} old"
        return True, f"no longer in the hand-over, {_days(since)} old"
    done = [run for run in runs if run.succeeded and (run.started or _NEVER) >= blob.modified]
    if not done:
        return False, "not imported yet"
    since = _since(max(run.finished or run.started or now for run in done), now)
    if since < age:
        return False, f"imported, but only {_days(since)} ago"
    return True, f"imported by run {done[0].name}, {_days(since)} ago"


def _run(
    run: PipelineRun, side: SideContents, kept: Collection[str], now: datetime, age: timedelta
) -> tuple[bool, str]:
    if run.name.lower() in side.state.runs:
        return False, "in the stack: the next `pulumi up` would repeat it"
    if not run.ended:
        return False, f"{run.state}: not finished"
    if run.blob in kept:
        return False, f"the record of blob {run.blob}, which stays"
    since = _since(run.finished or run.started or now, now)
    if since < age:
        return False, f"{run.state}, but only {_days(since)} ago"
    return True, f"{run.state} {_days(since)} ago"


def _since(moment: datetime, now: datetime) -> timedelta:
    """Time since a moment; at least 0, because the service's clock can be ahead of this machine's."""
    return max(now - moment, timedelta(0))


def _days(span: timedelta) -> str:
    return plural(span.days, "day")
