"""The runs in Azure before this deployment, and those of them that the stack's state does not have.

A deployment that is killed while it creates runs leaves them in Azure, but not in the stack's state.
docs/adr/0056-runs-of-a-killed-deployment.md
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import pulumi
from pulumi import Input, Output
from pulumi_azure_native import containerregistry

from acr_transfer.model.failures.deployments import RUN_UNREADABLE
from acr_transfer.model.limits import RUN_LIMIT

from ..advice import ways_out
from ..sdk import keeps_values, not_found, recorded_resources
from .run_results import POLL_SECONDS, RUNNING, ReadRun, Transfer

RunState = containerregistry.GetPipelineRunResult


class UnreadableRunError(pulumi.RunError):
    """The state of a run is unknown: whether it failed, or exists at all."""


def run_states(
    runs: Sequence[str], ready: Input[str], read: Callable[[str], Output[RunState | None]]
) -> Output[dict[str, RunState]]:
    """Return the runs that exist in Azure, by their names, once `ready` is known.

    `read` reads a run, given by its name, as it is now. An engine that cannot keep values gets none.
    """
    if not runs or not keeps_values():
        return Output.from_input({})
    return Output.from_input(_states(runs, ready, read))


async def _states(
    runs: Sequence[str], ready: Input[str], read: Callable[[str], Output[RunState | None]]
) -> dict[str, RunState]:
    await Output.from_input(ready).future()
    reads: list[Output[RunState | None]] = [read(run).recover(partial(_none_if_missing, run)) for run in runs]
    states = {run: await each.future() for run, each in zip(runs, reads, strict=True)}
    return {run: state for run, state in states.items() if state}


def _none_if_missing(run: str, error: Exception) -> None:
    if not not_found(error):
        raise UnreadableRunError(
            f"The last state of run {run} cannot be read: {error}\n"
            "Give the caller the permission Microsoft.ContainerRegistry/registries/pipelineRuns/read.\n"
            f"{ways_out(RUN_UNREADABLE)}"
        ) from error


def unrecorded_runs(
    transfers: Sequence[Transfer],
    pipeline_id: Input[str],
    states: Output[dict[str, RunState]],
    parent: pulumi.Resource,
) -> Output[dict[str, str]]:
    """Return the runs of these transfers that exist in Azure, but not in the stack's state: IDs by names.

    Only runs of this pipeline with these artifacts count: a run of the same name may be another program's.
    """
    return states.apply(lambda known: _unrecorded(transfers, pipeline_id, known, parent))


async def _unrecorded(
    transfers: Sequence[Transfer],
    pipeline_id: Input[str],
    states: Mapping[str, RunState],
    parent: pulumi.Resource,
) -> dict[str, str]:
    pipeline = str(await Output.from_input(pipeline_id).future() or "")
    ids = {
        each["run_name"]: state.id
        for each in transfers
        if (state := states.get(each["run_name"])) and _is_run_of(state, each, pipeline)
    }
    resources = await recorded_resources(parent) if ids else None
    if resources is None:
        return {}
    runs = (each["outputs"] for each in resources.values() if each["type"].endswith(":PipelineRun"))
    recorded = {str(outputs.get("name")).lower() for outputs in runs}
    taken = {name: id for name, id in ids.items() if name.lower() not in recorded}
    if taken:
        pulumi.log.info(
            f"{len(taken)} runs exist in Azure, but not in the stack's state: an interrupted deployment"
            " started them. This one takes them over; those that succeeded are not started again.",
            parent,
        )
    return taken


def _is_run_of(state: RunState, transfer: Transfer, pipeline_id: str) -> bool:
    """Whether a run has this pipeline and these artifacts; Azure's answer may leave out the blob."""
    request = state.request
    if request is None or (request.pipeline_resource_id or "").lower() != pipeline_id.lower():
        return False
    return not request.artifacts or set(request.artifacts) == set(transfer["artifacts"])


def ended_run(transfer: Transfer, unrecorded: Output[dict[str, str]], read: ReadRun) -> Output[str]:
    """Return the ID of a transfer's run if it is to be taken over, after its end; empty for any other run.

    Azure may refuse to change a run in progress.
    """

    async def ended(id: str) -> str:
        if id and not pulumi.runtime.is_dry_run():
            await _end(read)
        return id

    existing: Output[str] = unrecorded.apply(lambda ids: ids.get(transfer["run_name"], ""))
    return existing.apply(ended)


async def _end(read: ReadRun) -> None:
    """Wait for the end of a run, for as long as a run may take."""
    waited = timedelta()
    while waited < RUN_LIMIT:
        state = await read().future()
        if not state or not state.response or state.response.status != RUNNING:
            return
        await asyncio.sleep(POLL_SECONDS)
        waited += timedelta(seconds=POLL_SECONDS)
