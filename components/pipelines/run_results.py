"""The result of a pipeline run, for outputs and for messages."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import NotRequired, TypedDict

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, Input, Output
from pulumi_azure_native import containerregistry

from acr_transfer.model.failures.deployments import RUN_EXISTS
from acr_transfer.model.failures.steps import Known
from acr_transfer.model.failures.table import failure_of_run
from acr_transfer.model.limits import RUN_LIMIT
from acr_transfer.model.options import Direction
from acr_transfer.model.visible_text import visible, visible_line

from ..advice import ways_out
from ..sdk import error_hooks
from .preview_api import ManagedRun

SUCCEEDED = "Succeeded"
"""The state of a successful run, in its resource and in its response."""

POLL_SECONDS = 10
"""The time between two reads of a run in progress: azure-native's own interval."""

LOG_EVERY = timedelta(minutes=1)
"""The time between two lines of progress."""

RUNNING = "Running"
"""The status of a run in progress, in its response."""

_SHOWN_ARTIFACTS = 10
_MESSAGE = re.compile(r'(?s)Message="(.*)"')
_NEXT = (
    "\nThe next deployment starts failed runs again, and completed runs stay as they are. Runs that were"
    "\nnot started follow then too, or at once with pulumi up --continue-on-error."
)

ReadRun = Callable[[], Output[containerregistry.GetPipelineRunResult]]
"""Reads a run as it is now."""


class Transfer(TypedDict):
    """One run to start."""

    run_name: str
    """The run's name: 5 to 50 letters and digits, unique in the registry."""

    blob: str
    """The blob that an export writes or an import reads."""

    artifacts: list[str]
    """The artifacts in the blob, each as repository:tag or repository@digest."""

    changed: NotRequired[Input[str]]
    """The time of the last change that makes a completed run useless: its export's container was created, or
    its import's blob was written. A run that started before it is repeated; by default none is."""


class Run(TypedDict):
    """One run, as the service reports it."""

    name: str
    """The run's name."""

    id: str
    """The run's resource ID."""

    blob: str
    """The blob that the run wrote or read."""

    artifacts: list[str]
    """The artifacts in the blob."""

    status: str
    """Succeeded, or the status that the service reports instead, such as Failed or Running."""

    error: str
    """The service's error message; empty without one."""

    started: str
    """The start of the run, as the service writes times; empty if it reports none."""

    finished: str
    """The end of the run, as the service writes times; empty if it reports none."""


class FailedRunError(pulumi.RunError):
    """A run did not succeed; the message begins with the service's own."""


def run_result(
    run: containerregistry.PipelineRun | ManagedRun,
    transfer: Transfer,
    read: ReadRun,
    failures: dict[str, str],
) -> Output[Run]:
    """Return the result of a run once it has ended.

    `failures` has the service's message of each run that the engine reported as failed, by the run's name.
    """
    result: Output[Run] = Output.all(run.id, run.provisioning_state, run.response.apply(_response)).apply(
        lambda known: _ended(_run(transfer, known[0], known[1], known[2]), known[1], transfer, read, run)
    )
    if pulumi.runtime.is_dry_run():
        return result
    return Output.from_input(_with_failure(result, transfer, failures))


async def _ended(run: Run, state: str, transfer: Transfer, read: ReadRun, resource: pulumi.Resource) -> Run:
    """The run after its end: its resource may be ready while the transfer is still in progress."""
    waited = timedelta()
    while run["status"] == RUNNING and waited < RUN_LIMIT and not pulumi.runtime.is_dry_run():
        if waited % LOG_EVERY < timedelta(seconds=POLL_SECONDS):
            pulumi.log.info(_waiting(run, waited), resource)
        await asyncio.sleep(POLL_SECONDS)
        waited += timedelta(seconds=POLL_SECONDS)
        if now := await read().future():
            run = _run(transfer, run["id"], state, _response(now.response))
    return run


def _waiting(run: Run, waited: timedelta) -> str:
    minutes, limit = int(waited.total_seconds() // 60), int(RUN_LIMIT.total_seconds() // 60)
    return f"Run {run['name']} of blob {run['blob']} is in progress: {minutes} of at most {limit} minutes."


def _run(transfer: Transfer, id: str, state: str, response: dict[str, str]) -> Run:
    # The run succeeded only if both the resource and the response report it.
    return Run(
        name=transfer["run_name"],
        id=id,
        blob=transfer["blob"],
        artifacts=transfer["artifacts"],
        status=response["status"] or "Unknown" if response["status"] != SUCCEEDED else state,
        error=response["error"],
        started=response["started"],
        finished=response["finished"],
    )


async def _with_failure(result: Output[Run], transfer: Transfer, failures: dict[str, str]) -> Run:
    """The result, or that of a failed run, which the engine leaves unknown but the error hook has seen."""
    error = failures.get(transfer["run_name"], "")
    failed = {"status": "Failed", "error": error, "started": "", "finished": ""}
    return await result.future() or _run(transfer, "", SUCCEEDED, failed)


def failure_hooks(
    name: str,
    transfers: dict[str, Transfer],
    direction: Direction,
    parent: pulumi.Resource,
    failures: dict[str, str],
) -> list[ErrorHook]:
    """Return a hook that explains a failed run and the fix; none for an old engine.

    `transfers` are by the names of their resources; `failures` gets the message of each run that fails. The
    engine itself shows only that message, and ends the program without a result.
    """

    def report(failure: ErrorHookArgs) -> None:
        transfer, message = transfers[failure.name], "\n".join(failure.errors[:1])
        found = _MESSAGE.search(message)
        error = found.group(1) if found else message
        failures[transfer["run_name"]] = error
        existing = re.search(RUN_EXISTS.pattern, message)
        place = {"registry": "registryName", "registry group": "resourceGroupName"}
        inputs = failure.new_inputs or {}
        known = {name: str(inputs.get(key) or "") for name, key in place.items()}
        explained = _explanation(transfer, "Failed", error, direction, known) + _NEXT
        pulumi.log.error(_existing_run(existing[1]) if existing else explained, parent)

    return error_hooks(name, report) if transfers else []


def raise_failures(runs: list[Run], direction: Direction, failures: dict[str, str]) -> None:
    """Raise a `FailedRunError` for runs that failed without a report of the hook; in a preview, warn."""
    failed = [run for run in runs if run["status"] != SUCCEEDED and run["name"] not in failures]
    if not failed:
        return
    message = "\n".join(_explanation(run, run["status"], run["error"], direction) for run in failed) + _NEXT
    if pulumi.runtime.is_dry_run():
        # An old failure must not prevent the change that fixes it.
        pulumi.log.warn(message)
        return
    raise FailedRunError(message)


def _response(response: containerregistry.outputs.PipelineRunResponseResponse | None) -> dict[str, str]:
    """The service's response as text; empty where it has no value."""
    values = {
        "status": response and response.status,
        "error": response and response.pipeline_run_error_message,
        "started": response and response.start_time,
        "finished": response and response.finish_time,
    }
    return {name: value or "" for name, value in values.items()}


def _explanation(
    run: Transfer | Run, status: str, error: str, direction: Direction, known: Known | None = None
) -> str:
    # The service's words end in the logs of CI runners.
    message = visible(error) or f"The service reported {visible_line(status)} without a message."
    names = ", ".join(run["artifacts"][:_SHOWN_ARTIFACTS])
    rest = len(run["artifacts"]) - _SHOWN_ARTIFACTS
    more = f" and {rest} more" if rest > 0 else ""
    name = run.get("run_name") or run.get("name")
    failure = failure_of_run(message)
    run_line = f"{direction} run {name} is {status}; blob {run['blob']}; artifacts {names}{more}"
    side = "source" if direction is Direction.EXPORT else "target"
    return (
        f"{message}\n  {run_line}\n{failure.why}\n{ways_out(failure, side, blob=run['blob'], **known or {})}"
    )


def _existing_run(id: str) -> str:
    """The message about a run that another program started: this deployment takes over its own runs."""
    reason = f"The run {visible_line(id)} exists, and is not a run of this stack.\n{RUN_EXISTS.why}"
    return f"{reason}\n{ways_out(RUN_EXISTS, run=id)}"
