"""The side that images arrive at."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from .batches import short_hash
from .direction import DEFAULT_OPTIONS, DELETE_SOURCE_BLOB, Direction, TriggerStatus
from .handover import ExportedBlob
from .import_pipeline import ImportPipeline
from .registry import Registry, existing_registry
from .runs import PipelineRuns, Run, Transfer
from .staging import Staging


class TargetSideArgs(TypedDict):
    """What arrives in which registry, and by which way."""

    resource_group_name: Input[str]
    """The resource group of the new storage account and vault."""

    create_resource_group: NotRequired[bool]
    """Whether the resource group is made too; by default it is."""

    registry_name: Input[str]
    """The existing Premium registry that images arrive in."""

    registry_resource_group_name: Input[str]
    """The registry's resource group."""

    container_name: NotRequired[Input[str]]
    """The container that blobs are read from; by default transfer."""

    sas_expiry: str
    """When the SAS token ends: a time with a zone, such as 2027-01-31T00:00:00Z."""

    sas_secret_name: NotRequired[Input[str]]
    """The name of the vault's secret that holds the SAS token; by default acrimportsas."""

    pipeline_name: NotRequired[str]
    """The import pipeline's name, 5 to 50 letters and digits; by default importPipeline."""

    options: NotRequired[list[str]]
    """Pipeline options: OverwriteTags, DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors."""

    source_trigger_status: NotRequired[TriggerStatus]
    """Whether a blob is imported by itself when it arrives; by default it is, else this side has runs."""

    force_update_tag: NotRequired[Input[str]]
    """Any text, by default 1; with another one, every run is made again."""

    blobs: NotRequired[list[ExportedBlob]]
    """What the source side exported; one run for each blob is made if the trigger is disabled."""


class TargetSide(pulumi.ComponentResource):
    """An existing registry with all that it needs to import: container, vault, token, pipeline, runs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that blobs are imported from."""

    import_pipeline_id: Output[str]
    """The import pipeline's resource ID."""

    sas_secret_uri: Output[str]
    """The URI of the secret that holds the SAS token, without a version."""

    runs: Output[list[Run]]
    """Every run that this side made, with its outcome; none if the trigger makes them."""

    def __init__(self, name: str, args: TargetSideArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:TargetSide", name, None, opts)
        registry = existing_registry(
            args["registry_name"], args["registry_resource_group_name"], exports=False, parent=self
        )
        staging = self._staging(name, args, registry)
        pipeline = self._pipeline(name, args, registry, staging)
        self.login_server = registry.apply(lambda found: found.login_server)
        self.container_url = staging.container_url
        self.import_pipeline_id = pipeline.pipeline_id
        self.sas_secret_uri = staging.sas_secret_uri
        self.runs = self._runs(name, args, pipeline).runs
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """What a stack of this side exports."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            "importPipelineId": self.import_pipeline_id,
            "sasSecretUri": self.sas_secret_uri,
            "runs": self.runs,
        }

    def _staging(self, name: str, args: TargetSideArgs, registry: Output[Registry]) -> Staging:
        return Staging(
            f"{name}-staging",
            {
                # Known only once the registry is seen to be fit: nothing is made before that.
                "resource_group_name": Output.all(args["resource_group_name"], registry).apply(
                    lambda known: str(known[0])
                ),
                "create_resource_group": args.get("create_resource_group", True),
                "container_name": args.get("container_name", "transfer"),
                "direction": Direction.IMPORT,
                "deletes_blobs": DELETE_SOURCE_BLOB in _options(args),
                "sas_expiry": args["sas_expiry"],
                "sas_secret_name": args.get("sas_secret_name", "acrimportsas"),
            },
            ResourceOptions(parent=self),
        )

    def _pipeline(
        self, name: str, args: TargetSideArgs, registry: Output[Registry], staging: Staging
    ) -> ImportPipeline:
        return ImportPipeline(
            f"{name}-pipeline",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": args["registry_resource_group_name"],
                "location": registry.apply(lambda found: found.location),
                "pipeline_name": args.get("pipeline_name", "importPipeline"),
                "container_url": staging.container_url,
                "sas_secret_uri": staging.sas_secret_uri,
                "vault_name": staging.vault_name,
                "vault_resource_group_name": staging.resource_group_name,
                "options": _options(args),
                "source_trigger_status": _trigger(args),
            },
            ResourceOptions(parent=self),
            vault=staging.vault,
        )

    def _runs(self, name: str, args: TargetSideArgs, pipeline: ImportPipeline) -> PipelineRuns:
        blobs = args.get("blobs", []) if _trigger(args) is TriggerStatus.DISABLED else []
        return PipelineRuns(
            f"{name}-run",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": args["registry_resource_group_name"],
                "pipeline_id": pipeline.pipeline_id,
                "direction": Direction.IMPORT,
                "transfers": imports(blobs, args.get("pipeline_name", "importPipeline")),
                "force_update_tag": args.get("force_update_tag", "1"),
            },
            ResourceOptions(parent=self),
        )


def imports(blobs: list[ExportedBlob], pipeline_name: str) -> list[Transfer]:
    """Return the runs that import these blobs, named by their pipeline and blob."""
    return [
        Transfer(
            run_name=short_hash(pipeline_name, blob["name"]), blob=blob["name"], artifacts=blob["artifacts"]
        )
        for blob in blobs
    ]


def _options(args: TargetSideArgs) -> list[str]:
    return args.get("options", list(DEFAULT_OPTIONS[Direction.IMPORT]))


def _trigger(args: TargetSideArgs) -> TriggerStatus:
    return args.get("source_trigger_status", TriggerStatus.ENABLED)
