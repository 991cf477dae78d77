"""What became of a run: as the service says it, for outputs and for people."""

import asyncio
import re
from collections.abc import Callable
from typing import TypedDict

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, Output
from pulumi_azure_native import containerregistry

from .choices import Direction
from .error_hooks import error_hooks
from .sas_expiry import RUN_LIMIT

SUCCEEDED = "Succeeded"
"""What both the run's resource and its response say when all went well."""

ASKED_EVERY = 10
"""Seconds from one look at a run that goes on to the next: what azure-native takes for its own waits."""

_RUNNING = "Running"
_SHOWN_ARTIFACTS = 10
_MESSAGE = re.compile(r'(?s)Message="(.*)"')


_NEXT = (
    "\nMend the cause, then make the run again: pulumi up. What went well stays as it is; runs that were not"
    "\nbegun yet are made then too, or at once with pulumi up --continue-on-error."
)


class Transfer(TypedDict):
    """One run to make."""

    run_name: str
    """The run's name: 5 to 50 letters and digits, of its own in the registry."""

    blob: str
    """The blob that is written by an export, or read by an import."""

    artifacts: list[str]
    """What is in the blob, each as repository:tag or repository@digest."""


class Run(TypedDict):
    """One run as the service answered it."""

    name: str
    """The run's name."""

    id: str
    """The run's resource ID."""

    blob: str
    """The blob that was written or read."""

    artifacts: list[str]
    """What is in the blob."""

    status: str
    """Succeeded, or else what the service said instead, such as Failed or Running."""

    error: str
    """The service's own error message; empty when there is none."""

    started: str
    """When the run began, as the service writes times; empty when it does not say."""

    finished: str
    """When the run ended, as the service writes times; empty when it does not say."""


class FailedRunError(pulumi.RunError):
    """A run did not end well; the message begins with the service's own."""


def outcome(
    run: containerregistry.PipelineRun,
    transfer: Transfer,
    look: Callable[[], Output[containerregistry.GetPipelineRunResult]],
    told: dict[str, str],
) -> Output[Run]:
    """Return what became of a run, as soon as it has ended.

    `look` asks the service for the run. `told` has the service's message for every run that the engine took
    for failed, by the run's name.
    """
    said: Output[Run] = Output.all(run.id, run.provisioning_state, run.response.apply(_answer)).apply(
        lambda known: _ended(known[0], known[1], known[2], transfer, look)
    )
    return said if pulumi.runtime.is_dry_run() else Output.from_input(_settled(said, transfer, told))


async def _ended(
    id: str,
    state: str,
    answer: dict[str, str],
    transfer: Transfer,
    look: Callable[[], Output[containerregistry.GetPipelineRunResult]],
) -> Run:
    """The run with the service's last word: its resource may be ready while the transfer still goes on."""
    looks = 0 if pulumi.runtime.is_dry_run() else int(RUN_LIMIT.total_seconds() / ASKED_EVERY)
    while looks and answer["status"] == _RUNNING:
        await asyncio.sleep(ASKED_EVERY)
        now = await look().future()
        looks, answer = looks - 1, _answer(now.response) if now else answer
    return Run(
        name=transfer["run_name"],
        id=id,
        blob=transfer["blob"],
        artifacts=transfer["artifacts"],
        status=_status(state, answer["status"]),
        error=answer["error"],
        started=answer["started"],
        finished=answer["finished"],
    )


async def _settled(said: Output[Run], transfer: Transfer, told: dict[str, str]) -> Run:
    """What the run's resource says. The engine knows nothing of one that failed, but our hook heard of it."""
    found = await said.future()
    return found or Run(
        name=transfer["run_name"],
        id="",
        blob=transfer["blob"],
        artifacts=transfer["artifacts"],
        status="Failed",
        error=told.get(transfer["run_name"], ""),
        started="",
        finished="",
    )


def failure_hooks(
    name: str,
    transfers: dict[str, Transfer],
    direction: Direction,
    parent: pulumi.Resource,
    told: dict[str, str],
) -> list[ErrorHook]:
    """Return a hook that says what to do about a run that the service ends as failed; none for an old engine.

    `transfers` are by the names of their resources; `told` gets the message for each run that fails.
    The engine itself shows those words alone, and it ends the program without an answer.
    """

    def tell(failure: ErrorHookArgs) -> None:
        transfer, said = transfers[failure.name], "\n".join(failure.errors[:1])
        message = _MESSAGE.search(said)
        error = message.group(1) if message else said
        told[transfer["run_name"]] = error
        pulumi.log.error(_complaint(transfer, "Failed", error, direction) + _NEXT, parent)

    return error_hooks(name, tell) if transfers else []


def refuse_failures(
    runs: list[Run], resources: dict[str, str], direction: Direction, told: dict[str, str]
) -> None:
    """Raise a `FailedRunError` for runs that did not end well and were not told of; in a preview, warn.

    `resources` are the names of the runs' resources in the program, by the names of the runs.
    """
    failed = [run for run in runs if run["status"] != SUCCEEDED and run["name"] not in told]
    if not failed:
        return
    message = "\n".join(_complaint(run, run["status"], run["error"], direction) for run in failed) + (
        f"\nMend the cause, then make {'it' if len(failed) == 1 else 'them'} again: pulumi up"
        + "".join(f" --replace '**{resources[run['name']]}'" for run in failed)
        + "\nor make every run again: give forceUpdateTag a new value."
    )
    if pulumi.runtime.is_dry_run():
        # An old failure must not stand in the way of the change that mends it.
        pulumi.log.warn(message)
        return
    raise FailedRunError(message)


def _answer(response: containerregistry.outputs.PipelineRunResponseResponse | None) -> dict[str, str]:
    """What the service says about the transfer, as plain text; empty where it says nothing."""
    if response is None:
        return dict.fromkeys(("status", "error", "started", "finished"), "")
    return {
        "status": response.status or "",
        "error": response.pipeline_run_error_message or "",
        "started": response.start_time or "",
        "finished": response.finish_time or "",
    }


def _status(provisioning_state: str, status: str) -> str:
    """The run is good only if the resource and the response both say so."""
    said = [status or "Unknown", provisioning_state]
    return next((each for each in said if each != SUCCEEDED), SUCCEEDED)


def _complaint(run: Transfer | Run, status: str, error: str, direction: Direction) -> str:
    said = error or f"The service gave no message; it says {status}."
    names = ", ".join(run["artifacts"][:_SHOWN_ARTIFACTS])
    rest = len(run["artifacts"]) - _SHOWN_ARTIFACTS
    more = f" and {rest} more" if rest > 0 else ""
    name = run.get("run_name") or run.get("name")
    return f"{said}\n  {direction} run {name} is {status}; blob {run['blob']}; artifacts {names}{more}"
