"""Repeats of runs: the next deployment starts a failed run again, and one whose blob was lost or replaced.

Azure starts a run again only if its request or its `forceUpdateTag` differs from the last one; whether a
failed run is an exception is not published. So each repeat has its own tag, which later deployments keep.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images#redeploy-pipelinerun-resources
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pulumi
from pulumi import Output, ResourceOptions

from acr_transfer.model.times import format_time, parse_time

from ..sdk import keeps_values
from .run_results import SUCCEEDED, Transfer
from .run_states import RunState

_FAILED = {"failed", "canceled", "cancelled"}


def repeats(
    name: str,
    transfers: Sequence[Transfer],
    states: Output[dict[str, RunState]],
    parent: pulumi.Resource,
) -> Output[dict[str, str]]:
    """Return the runs that were or will be repeated: the time of the last bad run by the run's name.

    A run is bad if it failed, or if it started before the last change of its transfer: a container that was
    deleted and created again does not have the exported blob, and a blob that was written again has other
    content than the import read. A resource of this name keeps the times in the stack's state: it is written
    before the runs start, once their `states` are known. An engine that cannot keep values gets none.
    """
    if not transfers or not keeps_values():
        return Output.from_input({})
    runs = [each["run_name"] for each in transfers]
    changes: Output[list[str]] = Output.all(*(each.get("changed", "") for each in transfers))
    bad = Output.all(states, changes).apply(
        lambda known: _bad(known[0], dict(zip(runs, known[1], strict=True)))
    )
    return bad.apply(lambda times: _kept(name, runs, times, parent))


def _kept(
    name: str, runs: Sequence[str], bad: dict[str, str], parent: pulumi.Resource
) -> Output[dict[str, str]]:
    """The times in the state, with the new ones."""
    unchanged = [f'input["{run}"]' for run in runs if run not in bad]
    opts = ResourceOptions(parent=parent, ignore_changes=unchanged)
    return pulumi.Stash(name, input=bad, opts=opts).input


def _bad(states: Mapping[str, RunState], changes: Mapping[str, str]) -> dict[str, str]:
    """The runs that have failed in Azure or are outdated, with the time of each."""
    times = {name: _failed_at(run) or _outdated(run, changes[name]) for name, run in states.items()}
    return {name: time for name, time in times.items() if time}


def _failed_at(run: RunState) -> str:
    """The start of a failed run, which no other run of its name has; empty for any other run."""
    response = run.response
    states = (run.provisioning_state, response and response.status)
    if not {str(state).lower() for state in states} & _FAILED:
        return ""
    # The specification requires neither of the service's times.
    times = (response and response.start_time, response and response.finish_time)
    return str(next(filter(None, times), format_time(datetime.now(UTC))))


def _outdated(run: RunState, changed: str) -> str:
    """The start of a successful run before its transfer's last change; empty for any other run."""
    response, since = run.response, parse_time(changed)
    if not response or not since or response.status != SUCCEEDED:
        return ""
    started = parse_time(response.start_time)
    return str(response.start_time) if started and started < since else ""
