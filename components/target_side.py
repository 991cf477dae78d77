"""The side that imports images into a registry."""

from typing import Any, NotRequired

import pulumi
from pulumi import Output, ResourceOptions
from pydantic import ValidationError

from acr_transfer.model.documents.faults import faults_of
from acr_transfer.model.documents.handover import ExportedBlob
from acr_transfer.model.documents.json_document import with_whole_numbers
from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction, TriggerStatus

from . import defaults
from .argument_rules import ArgumentError, check_arguments, side_faults
from .arguments import SideArgs, TriggerSettings, part_of
from .batches import short_hash
from .pipelines.import_pipeline import ImportPipeline, ImportPipelineArgs
from .pipelines.run_results import Run, Transfer
from .pipelines.runs import PipelineRuns, PipelineRunsArgs
from .prerequisites import prerequisites


class TargetSideArgs(SideArgs, TriggerSettings):
    """The registry that images arrive in, and the container that they are imported from."""

    blobs: NotRequired[list[dict[str, Any]]]
    """The blobs of the source side's hand-over: with a disabled trigger, one run imports each of them."""


class TargetSide(pulumi.ComponentResource):
    """A registry with everything that it needs to import: container, vault, token, pipeline, runs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that blobs are imported from."""

    import_pipeline_id: Output[str]
    """The import pipeline's resource ID."""

    sas_secret_uri: Output[str | None]
    """The URI, without a version, of the secret that holds the SAS token; none without a token."""

    runs: Output[list[Run]]
    """Every run of this side with its result; none if the trigger starts them."""

    def __init__(self, name: str, args: TargetSideArgs, opts: ResourceOptions | None = None) -> None:
        """Create the side; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:TargetSide", name, None, opts)
        faults = side_faults(args, Direction.IMPORT, None)
        check_arguments(f"TargetSide {name}", args, TargetSideArgs, *faults)
        deletes = DELETE_SOURCE_BLOB in args.get("options", defaults.OPTIONS[Direction.IMPORT])
        needed = prerequisites(name, args, Direction.IMPORT, self, deletes_blobs=deletes)
        self._has_token = needed.staging.secret is not None
        pipeline = ImportPipeline(
            f"{name}-pipeline",
            part_of(ImportPipelineArgs, args, **needed.links()),
            ResourceOptions(parent=self),
        )
        self.login_server = needed.registry.apply(lambda found: found.login_server)
        self.container_url = needed.staging.storage.container_url
        self.import_pipeline_id = pipeline.pipeline_id
        self.sas_secret_uri = needed.staging.sas_secret_uri
        self.runs = PipelineRuns(
            f"{name}-run",
            part_of(
                PipelineRunsArgs,
                args,
                registry_resource_group=needed.registry_resource_group,
                pipeline_id=pipeline.pipeline_id,
                direction=Direction.IMPORT,
                transfers=_imports(args),
            ),
            ResourceOptions(parent=self),
        ).runs
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """The outputs of a stack of this side; no secret's URI without a token."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            "importPipelineId": self.import_pipeline_id,
            **({"sasSecretUri": self.sas_secret_uri} if self._has_token else {}),
            "runs": self.runs,
        }


def _imports(args: TargetSideArgs) -> list[Transfer]:
    """The runs that import the blobs, named by their pipeline and blob, the largest first.

    The number of runs at the same time is limited: with the longest first, the last one ends soonest. For
    a blob of unknown size, the number of its artifacts stands for the size.
    """
    if args.get("source_trigger_status", defaults.SOURCE_TRIGGER_STATUS) != TriggerStatus.DISABLED:
        return []
    pipeline = args.get("pipeline", defaults.PIPELINES[Direction.IMPORT])
    try:
        blobs = [ExportedBlob.model_validate(with_whole_numbers(each)) for each in args.get("blobs", [])]
    except ValidationError as error:
        raise ArgumentError("blobs are invalid:\n  " + "\n  ".join(faults_of(error))) from None
    blobs.sort(key=lambda blob: (-(blob.size or 0), -len(blob.artifacts), blob.name))
    return [
        Transfer(run_name=short_hash(pipeline, blob.name), blob=blob.name, artifacts=list(blob.artifacts))
        for blob in blobs
    ]
