"""The side that imports images into a registry."""

from typing import Any, NotRequired

from pulumi import Output, ResourceOptions
from pydantic import ValidationError

from acr_transfer.model.documents.faults import faults_of
from acr_transfer.model.documents.handover import ExportedBlob
from acr_transfer.model.documents.json_document import with_whole_numbers
from acr_transfer.model.options import Direction, TriggerStatus

from . import defaults
from .argument_rules import ArgumentError
from .arguments import SideArgs, TriggerSettings, part_of, trigger_of
from .batches import short_hash
from .pipelines.pipeline import ImportPipeline, ImportPipelineArgs
from .pipelines.run_results import Transfer
from .side import TransferSide


class TargetSideArgs(SideArgs, TriggerSettings):
    """The registry that images arrive in, and the container that they are imported from."""

    blobs: NotRequired[list[dict[str, Any]]]
    """The blobs of the source side's hand-over: with a disabled trigger, one run imports each of them."""

    blob_changes: NotRequired[dict[str, str]]
    """The time at which each blob in the container was last written, by its name. A run that imported
    the blob before that time is repeated; by default none is."""


class TargetSide(TransferSide):
    """A registry with everything that it needs to import: container, vault, token, pipeline, runs."""

    import_pipeline_id: Output[str]
    """The import pipeline's resource ID."""

    def __init__(self, name: str, args: TargetSideArgs, opts: ResourceOptions | None = None) -> None:
        """Create the side; raises `ArgumentError`."""
        super().__init__(name, args, TargetSideArgs, Direction.IMPORT, opts)
        needed = self._prerequisites(name, args)
        given = part_of(ImportPipelineArgs, args, **needed.links())
        pipeline = ImportPipeline(f"{name}-pipeline", given, ResourceOptions(parent=self))
        self.import_pipeline_id = pipeline.pipeline_id
        self.runs = self._runs(name, args, pipeline, _imports(args), needed)
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """The outputs of a stack of this side; no secret's URI without a token."""
        return super().outputs | {"importPipelineId": self.import_pipeline_id}


def import_run_name(pipeline: str, blob: str) -> str:
    """Return the name of the run by which a pipeline imports a blob."""
    return short_hash(pipeline, blob)


def _imports(args: TargetSideArgs) -> list[Transfer]:
    """The runs that import the blobs, named by their pipeline and blob, the largest first.

    The number of runs at the same time is limited: with the longest first, the last one ends soonest. For
    a blob of unknown size, the number of its artifacts stands for the size.
    """
    if trigger_of(args) != TriggerStatus.DISABLED:
        return []
    pipeline = args.get("pipeline", defaults.PIPELINES[Direction.IMPORT])
    try:
        blobs = [ExportedBlob.model_validate(with_whole_numbers(each)) for each in args.get("blobs", [])]
    except ValidationError as error:
        raise ArgumentError("blobs are invalid:\n  " + "\n  ".join(faults_of(error))) from None
    blobs.sort(key=lambda blob: (-(blob.size or 0), -len(blob.artifacts), blob.name))
    changes = args.get("blob_changes", {})
    return [
        Transfer(
            run_name=import_run_name(pipeline, blob.name),
            blob=blob.name,
            artifacts=list(blob.artifacts),
            changed=changes.get(blob.name, ""),
        )
        for blob in blobs
    ]
