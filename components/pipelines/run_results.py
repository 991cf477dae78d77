"""The result of a pipeline run."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output
from pulumi_azure_native import containerregistry

from acr_transfer.model.limits import RUN_LIMIT

from .preview_api import ManagedRun

SUCCEEDED = "Succeeded"
"""The state of a successful run, in its resource and in its response."""

POLL_SECONDS = 10
"""The time between two reads of a run in progress: azure-native's own interval."""

LOG_EVERY = timedelta(minutes=1)
"""The time between two lines of progress."""

RUNNING = "Running"
"""The status of a run in progress, in its response."""

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


def run_result(
    run: containerregistry.PipelineRun | ManagedRun,
    transfer: Transfer,
    read: ReadRun,
    messages: Mapping[str, str],
) -> Output[Run]:
    """Return the result of a run once it has ended.

    `messages` has the service's message of each run that the engine reported as failed, by the run's name.
    """
    result: Output[Run] = Output.all(run.id, run.provisioning_state, run.response.apply(_response)).apply(
        lambda known: _ended(_run(transfer, known[0], known[1], known[2]), known[1], transfer, read, run)
    )
    if pulumi.runtime.is_dry_run():
        return result
    return Output.from_input(_with_failure(result, transfer, messages))


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


async def _with_failure(result: Output[Run], transfer: Transfer, messages: Mapping[str, str]) -> Run:
    """The result, or that of a failed run, which the engine leaves unknown but the error hook has seen."""
    error = messages.get(transfer["run_name"], "")
    failed = {"status": "Failed", "error": error, "started": "", "finished": ""}
    return await result.future() or _run(transfer, "", SUCCEEDED, failed)


def _response(response: containerregistry.outputs.PipelineRunResponseResponse | None) -> dict[str, str]:
    """The service's response as text; empty where it has no value."""
    values = {
        "status": response and response.status,
        "error": response and response.pipeline_run_error_message,
        "started": response and response.start_time,
        "finished": response and response.finish_time,
    }
    return {name: value or "" for name, value in values.items()}
