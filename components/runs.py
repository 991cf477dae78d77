"""The transfers themselves: one pipeline run for each blob."""

import asyncio
from functools import partial
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, InvokeOutputOptions, Output, ResourceHookBinding, ResourceOptions
from pulumi_azure_native import containerregistry

from .choices import Direction
from .run_results import Run, Transfer, failure_hooks, outcome, refuse_failures

AT_ONCE = 10
"""How many runs of a pipeline are made at once unless told otherwise."""


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
    """The runs to make, of at most 50 artifacts each, in the order in which they are begun."""

    force_update_tag: Input[str]
    """Any text; with another one, every run is made again."""

    max_concurrent_runs: NotRequired[int]
    """How many runs are made at once; by default 10."""


class PipelineRuns(pulumi.ComponentResource):
    """Runs of one pipeline, some at once; the deployment fails unless all of them end well."""

    runs: Output[list[Run]]
    """Every run with its outcome, in the order of the transfers."""

    def __init__(self, name: str, args: PipelineRunsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:PipelineRuns", name, None, opts)
        direction, limit = args["direction"], max(1, int(args.get("max_concurrent_runs", AT_ONCE)))
        named = {_resource_name(name, each): each for each in args["transfers"]}
        told: dict[str, str] = {}
        self._hooks = failure_hooks(f"{name}-failed", named, direction, self, told)
        outcomes: list[Output[Run]] = []
        for index, transfer in enumerate(args["transfers"]):
            before = outcomes[index - limit] if index >= limit else None
            run = self._run(name, args, transfer, before)
            outcomes.append(outcome(run, transfer, partial(self._look, args, transfer), told))
        self.runs = Output.all(*outcomes).apply(list) if outcomes else Output.from_input([])
        # Apart from `runs`, so that the outcome of every run can be looked up when one has failed.
        resources = {each["run_name"]: resource for resource, each in named.items()}
        self.runs.apply(lambda runs: refuse_failures(runs, resources, direction, told))
        self.register_outputs({"runs": self.runs})

    def _run(
        self,
        name: str,
        args: PipelineRunsArgs,
        transfer: Transfer,
        before: Output[Run] | None,
    ) -> containerregistry.PipelineRun:
        tag = args["force_update_tag"]
        return containerregistry.PipelineRun(
            _resource_name(name, transfer),
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            pipeline_run_name=transfer["run_name"],
            request=_request(args["direction"], args["pipeline_id"], transfer),
            force_update_tag=_after(before, tag) if before else tag,
            # Two runs cannot have one name, and `--replace` would else make the second one first.
            opts=ResourceOptions(
                parent=self, delete_before_replace=True, hooks=ResourceHookBinding(on_error=self._hooks)
            ),
        )

    def _look(
        self, args: PipelineRunsArgs, transfer: Transfer
    ) -> Output[containerregistry.GetPipelineRunResult]:
        """The run as it is now."""
        return containerregistry.get_pipeline_run_output(
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            pipeline_run_name=transfer["run_name"],
            opts=InvokeOutputOptions(parent=self),
        )


def _resource_name(name: str, transfer: Transfer) -> str:
    return f"{name}-{transfer['run_name'][:12]}"


def _after(before: Output[Run], tag: Input[str]) -> Output[str]:
    """The tag, as soon as the run before in this lane has ended."""
    return Output.all(tag, _ended(before)).apply(lambda both: str(both[0]))


async def _ended(run: Output[Run]) -> bool:
    """Wait until a run has ended, well or not.

    It is a value that the next one waits for. A `depends_on` would be kept in the state: the engine would
    then pass over a run whose forerunner failed, though they have nothing in common but the limit.
    """
    await asyncio.wait([asyncio.ensure_future(run.future())])
    return True


def _request(
    direction: Direction, pipeline_id: Input[str], transfer: Transfer
) -> containerregistry.PipelineRunRequestArgs:
    if direction == Direction.EXPORT:
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
