"""What became of a run: as the service says it, for outputs and for people."""

from typing import TypedDict

import pulumi
from pulumi import Output
from pulumi_azure_native import containerregistry

from .direction import Direction

SUCCEEDED = "Succeeded"
"""What both the run's resource and its response say when all went well."""

_SHOWN_ARTIFACTS = 10


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


def outcome(run: containerregistry.PipelineRun, transfer: Transfer) -> Output[Run]:
    """Return what became of a run, as soon as it has ended."""
    said = Output.all(run.id, run.provisioning_state, run.response.apply(_answer))
    return said.apply(
        lambda known: Run(
            name=transfer["run_name"],
            id=known[0],
            blob=transfer["blob"],
            artifacts=transfer["artifacts"],
            status=_status(known[1], known[2]["status"]),
            error=known[2]["error"],
            started=known[2]["started"],
            finished=known[2]["finished"],
        )
    )


def refuse_failures(runs: list[Run], direction: Direction) -> None:
    """Raise a `FailedRunError` that names every run that did not end well; in a preview, warn."""
    failed = [run for run in runs if run["status"] != SUCCEEDED]
    if not failed:
        return
    message = "\n".join(_complaint(run, direction) for run in failed) + (
        "\nMend the cause, then make a run again: pulumi up --replace '**<its resource name>'"
        "\nor make every run again: give forceUpdateTag a new value."
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


def _complaint(run: Run, direction: Direction) -> str:
    said = run["error"] or f"The service gave no message; it says {run['status']}."
    names = ", ".join(run["artifacts"][:_SHOWN_ARTIFACTS])
    rest = len(run["artifacts"]) - _SHOWN_ARTIFACTS
    more = f" and {rest} more" if rest > 0 else ""
    what = f"{direction} run {run['name']} is {run['status']}"
    return f"{said}\n  {what}; blob {run['blob']}; artifacts {names}{more}"
