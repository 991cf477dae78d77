"""The transfers themselves: one pipeline run for each blob."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
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


class PipelineRunsArgs(TypedDict):
    """Which transfers a pipeline makes."""

    registry_name: Input[str]
    """The pipeline's registry."""

    registry_resource_group_name: Input[str]
    """The registry's resource group."""

    pipeline_id: Input[str]
    """The export or import pipeline; a run starts as soon as this is known."""

    direction: Direction
    """Whether the pipeline exports or imports."""

    transfers: list[Transfer]
    """The runs to make, of at most 50 artifacts each."""

    force_update_tag: Input[str]
    """Any text; with another one, every run is made again."""


class FailedRunError(pulumi.RunError):
    """A run did not end well; the message begins with the service's own."""


class PipelineRuns(pulumi.ComponentResource):
    """Runs of one pipeline, side by side; the deployment fails unless all of them end well."""

    runs: Output[list[Run]]
    """Every run with its outcome, in the order of the transfers."""

    def __init__(self, name: str, args: PipelineRunsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:PipelineRuns", name, None, opts)
        direction = args["direction"]
        made = [_outcome(self._run(name, args, each), each) for each in args["transfers"]]
        self.runs = Output.all(*made).apply(list) if made else Output.from_input([])
        # Apart from `runs`, so that the outcome of every run can be looked up when one has failed.
        self.runs.apply(lambda runs: _refuse_failures(runs, direction))
        self.register_outputs({"runs": self.runs})

    def _run(self, name: str, args: PipelineRunsArgs, transfer: Transfer) -> containerregistry.PipelineRun:
        return containerregistry.PipelineRun(
            f"{name}-{transfer['run_name'][:12]}",
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            pipeline_run_name=transfer["run_name"],
            request=_request(args["direction"], args["pipeline_id"], transfer),
            force_update_tag=args["force_update_tag"],
            # Two runs cannot have one name, and `--replace` would else make the second one first.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )


def _request(
    direction: Direction, pipeline_id: Input[str], transfer: Transfer
) -> containerregistry.PipelineRunRequestArgs:
    if direction is Direction.EXPORT:
        return containerregistry.PipelineRunRequestArgs(
            pipeline_resource_id=pipeline_id,
            artifacts=transfer["artifacts"],
            target=containerregistry.PipelineRunTargetPropertiesArgs(
                type=containerregistry.PipelineRunTargetType.AZURE_STORAGE_BLOB, name=transfer["blob"]
            ),
        )
    return containerregistry.PipelineRunRequestArgs(
        pipeline_resource_id=pipeline_id,
        # A blob is imported whole: its artifacts are not listed.
        artifacts=[],
        source=containerregistry.PipelineRunSourcePropertiesArgs(
            type=containerregistry.PipelineRunSourceType.AZURE_STORAGE_BLOB, name=transfer["blob"]
        ),
    )


def _outcome(run: containerregistry.PipelineRun, transfer: Transfer) -> Output[Run]:
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


def _refuse_failures(runs: list[Run], direction: Direction) -> None:
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


def _complaint(run: Run, direction: Direction) -> str:
    said = run["error"] or f"The service gave no message; it says {run['status']}."
    names = ", ".join(run["artifacts"][:_SHOWN_ARTIFACTS])
    rest = len(run["artifacts"]) - _SHOWN_ARTIFACTS
    more = f" and {rest} more" if rest > 0 else ""
    what = f"{direction} run {run['name']} is {run['status']}"
    return f"{said}\n  {what}; blob {run['blob']}; artifacts {names}{more}"
