"""The side that images leave."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from .artifacts import Artifact
from .batches import batches, short_hash
from .direction import DEFAULT_OPTIONS, Direction
from .export_pipeline import ExportPipeline
from .handover import ExportedBlob, Handover, handover_document
from .registry import Registry, existing_registry
from .runs import SUCCEEDED, PipelineRuns, Run, Transfer
from .staging import Staging


class SourceSideArgs(TypedDict):
    """What leaves which registry, and by which way."""

    resource_group_name: Input[str]
    """The resource group of the new storage account and vault."""

    create_resource_group: NotRequired[bool]
    """Whether the resource group is made too; by default it is."""

    registry_name: Input[str]
    """The existing Premium registry that images leave."""

    registry_resource_group_name: Input[str]
    """The registry's resource group."""

    container_name: NotRequired[Input[str]]
    """The container that blobs are written to; by default transfer."""

    sas_expiry: str
    """When the SAS token ends: a time with a zone, such as 2027-01-31T00:00:00Z."""

    sas_secret_name: NotRequired[Input[str]]
    """The name of the vault's secret that holds the SAS token; by default acrexportsas."""

    pipeline_name: NotRequired[str]
    """The export pipeline's name, 5 to 50 letters and digits; by default exportPipeline."""

    options: NotRequired[list[str]]
    """Pipeline options: OverwriteBlobs, ContinueOnErrors; by default existing blobs are overwritten."""

    force_update_tag: NotRequired[Input[str]]
    """Any text, by default 1; with another one, every run is made again."""

    artifacts: list[str]
    """What leaves: repository, repository:tag or repository@sha256:..., any number of them."""

    blob_prefix: NotRequired[str]
    """What the names of the exported blobs begin with; by default nothing."""


class SourceSide(pulumi.ComponentResource):
    """An existing registry with all that it needs to export: container, vault, token, pipeline, runs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that holds the exported blobs."""

    export_pipeline_id: Output[str]
    """The export pipeline's resource ID."""

    sas_secret_uri: Output[str]
    """The URI of the secret that holds the SAS token, without a version."""

    runs: Output[list[Run]]
    """Every run with its outcome."""

    handover: Output[Handover]
    """What the target side has to know."""

    def __init__(self, name: str, args: SourceSideArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:SourceSide", name, None, opts)
        registry = existing_registry(
            args["registry_name"], args["registry_resource_group_name"], exports=True, parent=self
        )
        staging = self._staging(name, args, registry)
        pipeline = self._pipeline(name, args, registry, staging)
        runs = self._runs(name, args, pipeline)
        self.login_server = registry.apply(lambda found: found.login_server)
        self.container_url = staging.container_url
        self.export_pipeline_id = pipeline.pipeline_id
        self.sas_secret_uri = staging.sas_secret_uri
        self.runs = runs.runs
        self.handover = Output.all(self.login_server, self.container_url, self.runs).apply(
            lambda known: _handover(known[0], known[1], known[2])
        )
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """What a stack of this side exports."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            "exportPipelineId": self.export_pipeline_id,
            "sasSecretUri": self.sas_secret_uri,
            "runs": self.runs,
            "handover": self.handover,
        }

    def _staging(self, name: str, args: SourceSideArgs, registry: Output[Registry]) -> Staging:
        return Staging(
            f"{name}-staging",
            {
                # Known only once the registry is seen to be fit: nothing is made before that.
                "resource_group_name": Output.all(args["resource_group_name"], registry).apply(
                    lambda known: str(known[0])
                ),
                "create_resource_group": args.get("create_resource_group", True),
                "container_name": args.get("container_name", "transfer"),
                "direction": Direction.EXPORT,
                "sas_expiry": args["sas_expiry"],
                "sas_secret_name": args.get("sas_secret_name", "acrexportsas"),
            },
            ResourceOptions(parent=self),
        )

    def _pipeline(
        self, name: str, args: SourceSideArgs, registry: Output[Registry], staging: Staging
    ) -> ExportPipeline:
        return ExportPipeline(
            f"{name}-pipeline",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": args["registry_resource_group_name"],
                "location": registry.apply(lambda found: found.location),
                "pipeline_name": args.get("pipeline_name", "exportPipeline"),
                "container_url": staging.container_url,
                "sas_secret_uri": staging.sas_secret_uri,
                "vault_name": staging.vault_name,
                "vault_resource_group_name": staging.resource_group_name,
                "options": args.get("options", list(DEFAULT_OPTIONS[Direction.EXPORT])),
            },
            ResourceOptions(parent=self),
            vault=staging.vault,
        )

    def _runs(self, name: str, args: SourceSideArgs, pipeline: ExportPipeline) -> PipelineRuns:
        return PipelineRuns(
            f"{name}-run",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": args["registry_resource_group_name"],
                "pipeline_id": pipeline.pipeline_id,
                "direction": Direction.EXPORT,
                "transfers": exports(
                    args["artifacts"],
                    args.get("pipeline_name", "exportPipeline"),
                    args.get("blob_prefix", ""),
                ),
                "force_update_tag": args.get("force_update_tag", "1"),
            },
            ResourceOptions(parent=self),
        )


def exports(artifacts: list[str], pipeline_name: str, blob_prefix: str) -> list[Transfer]:
    """Return the runs that export these artifacts, or raise `ArtifactError` for one that cannot be parsed.

    A blob is named by what is in it. A run is named by its pipeline too: one registry holds the runs of all
    its pipelines, and two of them may well transfer the same artifacts.
    """
    return [
        Transfer(
            run_name=short_hash(pipeline_name, *batch.references),
            blob=f"{blob_prefix}{batch.name}",
            artifacts=batch.references,
        )
        for batch in batches(Artifact.parse(text) for text in artifacts)
    ]


def _handover(login_server: str, container_url: str, runs: list[Run]) -> Handover:
    done = [run for run in runs if run["status"] == SUCCEEDED]
    blobs = [ExportedBlob(name=run["blob"], artifacts=run["artifacts"]) for run in done]
    return handover_document(login_server, container_url, blobs)
