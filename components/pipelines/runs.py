"""The runs of a pipeline: one for each blob."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NotRequired

import pulumi
from pulumi import Input, InvokeOutputOptions, Output, ResourceHookBinding, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.options import Direction

from .. import defaults
from ..argument_rules import check_arguments
from ..arguments import RunSettings, uses_token
from ..choices import StorageAccess
from ..sdk import settled
from .preview_api import ManagedRun, run_options
from .repeats import repeats
from .run_failures import RunFailures
from .run_results import ReadRun, Run, Transfer, run_result
from .run_states import ended_run, run_states, unrecorded_runs


class PipelineRunsArgs(RunSettings):
    """The pipeline and the transfers that it runs."""

    storage_access: NotRequired[StorageAccess]
    """How the pipeline accesses its container; by default with a SAS token."""

    registry: Input[str]
    """The pipeline's registry."""

    registry_resource_group: Input[str]
    """The registry's resource group."""

    pipeline_id: Input[str]
    """The resource ID of the export or import pipeline; a run starts once this is known."""

    direction: Direction
    """Whether the pipeline exports or imports."""

    container_id: NotRequired[Input[str]]
    """The resource ID of the pipeline's container; the messages about failed runs name it and its account."""

    vault: NotRequired[Input[str]]
    """The name of the vault with the SAS token; the messages about failed runs name it."""

    transfers: NotRequired[list[Transfer]]
    """The runs, of at most 50 artifacts each, in the order in which they start."""


class PipelineRuns(pulumi.ComponentResource):
    """Runs of one pipeline, several at the same time; the deployment fails unless all of them succeed."""

    runs: Output[list[Run]]
    """Every run with its result, in the order of the transfers."""

    def __init__(self, name: str, args: PipelineRunsArgs, opts: ResourceOptions | None = None) -> None:
        """Start the runs; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:PipelineRuns", name, None, opts)
        check_arguments(f"PipelineRuns {name}", args, PipelineRunsArgs)
        transfers, direction = args.get("transfers", []), Direction(args["direction"])
        limit = int(args.get("max_concurrent_runs", defaults.MAX_CONCURRENT_RUNS))
        named = {_resource_name(name, each): each for each in transfers}
        links = args["pipeline_id"], args.get("container_id", ""), args.get("vault", "")
        failures = RunFailures(direction, *links)
        self._hooks = failures.hooks(f"{name}-failed", named, self)
        read, names = partial(self._read, args), [each["run_name"] for each in transfers]
        states = run_states(names, args["pipeline_id"], read)
        repeated = repeats(f"{name}-failures", transfers, states, self)
        unrecorded = unrecorded_runs(transfers, args["pipeline_id"], states, self)
        results: list[Output[Run]] = []
        for index, transfer in enumerate(transfers):
            before = results[index - limit] if index >= limit else None
            create = partial(self._run, name, args, transfer, _tag(args, transfer, repeated), before)
            read_run = partial(read, transfer["run_name"])
            existing = ended_run(transfer, unrecorded, read_run)
            result = partial(_result, create, transfer, read_run, failures.messages)
            results.append(existing.apply(result))
        self.runs = Output.all(*results).apply(list) if results else Output.from_input([])
        # Apart from `runs`, so that the result of every run can be read after one has failed.
        self.runs.apply(failures.raise_for)
        self.register_outputs({"runs": self.runs})

    def _run(
        self,
        name: str,
        args: PipelineRunsArgs,
        transfer: Transfer,
        tag: Input[str],
        before: Output[Run] | None,
        existing: str,
    ) -> containerregistry.PipelineRun | ManagedRun:
        inputs: dict[str, Any] = {
            "registry_name": args["registry"],
            "resource_group_name": args["registry_resource_group"],
            "pipeline_run_name": transfer["run_name"],
            "request": _request(Direction(args["direction"]), args["pipeline_id"], transfer),
            "force_update_tag": _after(before, tag) if before else tag,
        }
        managed = not uses_token(args)
        opts = ResourceOptions.merge(
            run_options(managed=managed),
            ResourceOptions(
                parent=self,
                # Two runs cannot have one name, and `--replace` would otherwise create the second one first.
                delete_before_replace=True,
                hooks=ResourceHookBinding(on_error=self._hooks),
                import_=existing or None,
            ),
        )
        if managed:
            return ManagedRun(_resource_name(name, transfer), inputs, opts)
        return containerregistry.PipelineRun(_resource_name(name, transfer), opts=opts, **inputs)

    def _read(self, args: PipelineRunsArgs, run_name: str) -> Output[containerregistry.GetPipelineRunResult]:
        return containerregistry.get_pipeline_run_output(
            registry_name=args["registry"],
            resource_group_name=args["registry_resource_group"],
            pipeline_run_name=run_name,
            opts=InvokeOutputOptions(parent=self),
        )


def _result(
    create: Callable[[str], containerregistry.PipelineRun | ManagedRun],
    transfer: Transfer,
    read: ReadRun,
    messages: Mapping[str, str],
    existing: str,
) -> Output[Run]:
    return run_result(create(existing), transfer, read, messages)


def _resource_name(name: str, transfer: Transfer) -> str:
    return f"{name}-{transfer['run_name'][:12]}"


def _tag(args: PipelineRunsArgs, transfer: Transfer, repeated: Output[dict[str, str]]) -> Output[str]:
    """The run's `forceUpdateTag`: the given one, and the time of the run that is repeated."""
    tag = args.get("force_update_tag", defaults.FORCE_UPDATE_TAG)
    return Output.all(tag, repeated).apply(
        lambda known: " after ".join(filter(None, (known[0], known[1].get(transfer["run_name"]))))
    )


def _after(before: Output[Run], tag: Input[str]) -> Output[str]:
    """The tag, once the run before has ended, successfully or not.

    The next run waits for a value. The engine would keep a `depends_on` in the state, and skip a run after a
    failed one although they have only the limit in common.
    """

    async def ended() -> bool:
        await settled(before)
        return True

    return Output.all(tag, ended()).apply(lambda both: str(both[0]))


def _request(
    direction: Direction, pipeline_id: Input[str], transfer: Transfer
) -> containerregistry.PipelineRunRequestArgs:
    blob = {"type": "AzureStorageBlob", "name": transfer["blob"]}
    if direction == Direction.EXPORT:
        return containerregistry.PipelineRunRequestArgs(
            pipeline_resource_id=pipeline_id,
            artifacts=transfer["artifacts"],
            target=containerregistry.PipelineRunTargetPropertiesArgs(**blob),
        )
    return containerregistry.PipelineRunRequestArgs(
        pipeline_resource_id=pipeline_id,
        # An import takes the whole blob: its artifacts are not listed.
        artifacts=[],
        source=containerregistry.PipelineRunSourcePropertiesArgs(**blob),
    )
