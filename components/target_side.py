"""The side that images arrive at."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from .access import AccountKey, StorageAccess, VaultAccess
from .batches import short_hash
from .choices import DEFAULT_OPTIONS, DELETE_SOURCE_BLOB, PIPELINE_NAMES, Direction, TriggerStatus
from .handover import ExportedBlob
from .import_pipeline import ImportPipeline
from .prerequisites import Ground, ground
from .run_results import Run, Transfer
from .runs import AT_ONCE, PipelineRuns


class TargetSideArgs(TypedDict):
    """What arrives in which registry, and by which way."""

    resource_group_name: Input[str]
    """The resource group of everything new."""

    create_resource_group: NotRequired[bool]
    """Whether the resource group is made too; by default it is."""

    location: NotRequired[str]
    """The region of everything new; by default azure-native's own location."""

    registry_name: Input[str]
    """The Premium registry that images arrive in."""

    registry_resource_group_name: NotRequired[Input[str]]
    """The registry's resource group; by default that of everything new."""

    create_registry: NotRequired[bool]
    """Whether the registry is made too; by default it is there already, and is read and never changed."""

    storage_account: NotRequired[str]
    """The storage account that is there already, by its name or its resource ID; by default one is made."""

    container_name: NotRequired[Input[str]]
    """The container that blobs are read from; by default transfer."""

    create_container: NotRequired[bool]
    """Whether the container is made too; by default it is."""

    blob_retention_days: NotRequired[int]
    """After how many days without a change a new account deletes a blob of the container; by default 60."""

    storage_access: NotRequired[StorageAccess]
    """How the pipeline gets into the container; by default with a SAS token, which needs a vault."""

    vault: NotRequired[str]
    """The vault that is there already, by its name or its resource ID; by default one is made."""

    vault_access: NotRequired[VaultAccess]
    """How the vault decides who may read; by default with access policies."""

    purge_protection: NotRequired[bool]
    """Whether nobody can wipe a new vault before 90 days are over; by default so."""

    protect: NotRequired[bool]
    """Whether a new registry, account and vault are protected against deletion; by default not."""

    sas_expiry: NotRequired[str]
    """When the SAS token ends: a time with a zone, such as 2027-01-31T00:00:00Z; needed for a token."""

    sas_key: NotRequired[AccountKey]
    """The account's key that signs the token; by default key1."""

    sas_secret_name: NotRequired[Input[str]]
    """The name of the vault's secret that holds the SAS token; by default acrimportsas."""

    sas_warned_share: NotRequired[int]
    """With less than this share of the token's life left, deployments warn; in percent, by default 20."""

    identity: NotRequired[str]
    """Who the pipeline is: system (by default), create, or the resource ID of a user-assigned identity."""

    pipeline_name: NotRequired[str]
    """The import pipeline's name, 5 to 50 letters and digits; by default importPipeline."""

    options: NotRequired[list[str]]
    """Pipeline options: OverwriteTags, DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors."""

    force_update_tag: NotRequired[Input[str]]
    """Any text, by default 1; with another one, every run is made again."""

    max_concurrent_runs: NotRequired[int]
    """How many runs are made at once; by default 10."""

    source_trigger_status: NotRequired[TriggerStatus]
    """Whether a blob is imported by itself when it arrives; by default it is, else this side has runs."""

    blobs: NotRequired[list[ExportedBlob]]
    """What the source side exported; one run for each blob is made if the trigger is disabled."""


class TargetSide(pulumi.ComponentResource):
    """A registry with all that it needs to import: container, vault, token, pipeline, runs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that blobs are imported from."""

    import_pipeline_id: Output[str]
    """The import pipeline's resource ID."""

    sas_secret_uri: Output[str | None]
    """The URI of the secret that holds the SAS token, without a version; none without a token."""

    runs: Output[list[Run]]
    """Every run that this side made, with its outcome; none if the trigger makes them."""

    def __init__(self, name: str, args: TargetSideArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:TargetSide", name, None, opts)
        deletes = DELETE_SOURCE_BLOB in _options(args)
        stands_on = ground(name, args, Direction.IMPORT, self, deletes_blobs=deletes)
        self._has_token = stands_on.staging.secret is not None
        pipeline = self._pipeline(name, args, stands_on)
        self.login_server = stands_on.registry.apply(lambda found: found.login_server)
        self.container_url = stands_on.staging.container_url
        self.import_pipeline_id = pipeline.pipeline_id
        self.sas_secret_uri = stands_on.staging.sas_secret_uri
        self.runs = self._runs(name, args, stands_on, pipeline).runs
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """What a stack of this side exports; no secret's URI where there is no secret."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            "importPipelineId": self.import_pipeline_id,
            **({"sasSecretUri": self.sas_secret_uri} if self._has_token else {}),
            "runs": self.runs,
        }

    def _pipeline(self, name: str, args: TargetSideArgs, stands_on: Ground) -> ImportPipeline:
        return ImportPipeline(
            f"{name}-pipeline",
            {
                **stands_on.entrance(args),
                "pipeline_name": _name(args),
                "options": _options(args),
                "source_trigger_status": _trigger(args),
            },
            ResourceOptions(parent=self),
            vault=stands_on.vault,
        )

    def _runs(
        self, name: str, args: TargetSideArgs, stands_on: Ground, pipeline: ImportPipeline
    ) -> PipelineRuns:
        blobs = args.get("blobs", []) if _trigger(args) == TriggerStatus.DISABLED else []
        return PipelineRuns(
            f"{name}-run",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": stands_on.registry_resource_group,
                "pipeline_id": pipeline.pipeline_id,
                "direction": Direction.IMPORT,
                "transfers": imports(blobs, _name(args)),
                "force_update_tag": args.get("force_update_tag", "1"),
                "max_concurrent_runs": args.get("max_concurrent_runs", AT_ONCE),
            },
            ResourceOptions(parent=self),
        )


def imports(blobs: list[ExportedBlob], pipeline_name: str) -> list[Transfer]:
    """Return the runs that import these blobs, named by their pipeline and blob, the largest first.

    Only some runs are made at once: with the longest begun first, the last one ends soonest. Where a blob's
    size is not known yet, the number of its artifacts stands for it.
    """
    ordered = sorted(blobs, key=lambda blob: (-blob.get("size", 0), -len(blob["artifacts"]), blob["name"]))
    return [
        Transfer(
            run_name=short_hash(pipeline_name, blob["name"]), blob=blob["name"], artifacts=blob["artifacts"]
        )
        for blob in ordered
    ]


def _name(args: TargetSideArgs) -> str:
    return args.get("pipeline_name", PIPELINE_NAMES[Direction.IMPORT])


def _options(args: TargetSideArgs) -> list[str]:
    return args.get("options", list(DEFAULT_OPTIONS[Direction.IMPORT]))


def _trigger(args: TargetSideArgs) -> TriggerStatus:
    return args.get("source_trigger_status", TriggerStatus.ENABLED)
