"""Repeats of runs: the next deployment starts a failed run again, and one whose blob was lost.

Azure starts a run again only if its request or its `forceUpdateTag` differs from the last one; whether a
failed run is an exception is not published. So each repeat has its own tag, which later deployments keep.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images#redeploy-pipelinerun-resources
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pulumi
from pulumi import Input, Output, ResourceOptions

from acr_transfer.model.times import format_time, parse_time

from ..sdk import keeps_values
from .run_results import SUCCEEDED
from .run_states import RunState

_FAILED = {"failed", "canceled", "cancelled"}


def repeats(
    name: str,
    runs: Sequence[str],
    states: Output[dict[str, RunState]],
    changed: Input[str],
    parent: pulumi.Resource,
) -> Output[dict[str, str]]:
    """Return the runs that were or will be repeated: the time of the last bad run by the run's name.

    A run is bad if it failed, or if it succeeded before `changed`, the time of its container's last change:
    a container that was deleted and created again does not have the blob. A resource of this name keeps the
    times in the stack's state: it is written before the runs start, once their `states` are known. An engine
    that cannot keep values gets none.
    """
    if not runs or not keeps_values():
        return Output.from_input({})
    bad: Output[dict[str, str]] = states.apply(lambda known: _bad(known, changed))
    return bad.apply(lambda times: _kept(name, runs, times, parent))


def _kept(
    name: str, runs: Sequence[str], bad: dict[str, str], parent: pulumi.Resource
) -> Output[dict[str, str]]:
    """The times in the state, with the new ones."""
    unchanged = [f'input["{run}"]' for run in runs if run not in bad]
    opts = ResourceOptions(parent=parent, ignore_changes=unchanged)
    return pulumi.Stash(name, input=bad, opts=opts).input


async def _bad(states: Mapping[str, RunState], changed: Input[str]) -> dict[str, str]:
    """The runs that have failed in Azure or lost their blob, with the time of each."""
    since = parse_time(await Output.from_input(changed).future())
    return {name: time for name, run in states.items() if (time := _failed_at(run) or _lost_at(run, since))}


def _failed_at(run: RunState) -> str:
    """The start of a failed run, which no other run of its name has; empty for any other run."""
    response = run.response
    states = (run.provisioning_state, response and response.status)
    if not {str(state).lower() for state in states} & _FAILED:
        return ""
    # The specification requires neither of the service's times.
    times = (response and response.start_time, response and response.finish_time)
    return str(next(filter(None, times), format_time(datetime.now(UTC))))


def _lost_at(run: RunState, changed: datetime | None) -> str:
    """The start of a successful run whose container was created again since; empty for any other run."""
    response = run.response
    if not response or not changed or response.status != SUCCEEDED:
        return ""
    started = parse_time(response.start_time)
    return str(response.start_time) if started and started < changed else ""
