"""The side that images leave."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from .access import AccountKey, StorageAccess, VaultAccess
from .artifacts import Artifact
from .batches import batches, short_hash
from .choices import DEFAULT_OPTIONS, PIPELINE_NAMES, Direction
from .export_pipeline import ExportPipeline
from .handover import ExportedBlob, Handover, handover_document
from .lock import Lock, LockError, read_lock
from .prerequisites import Ground, ground
from .run_results import SUCCEEDED, Run, Transfer
from .runs import AT_ONCE, PipelineRuns


class SourceSideArgs(TypedDict):
    """What leaves which registry, and by which way."""

    resource_group_name: Input[str]
    """The resource group of everything new."""

    create_resource_group: NotRequired[bool]
    """Whether the resource group is made too; by default it is."""

    location: NotRequired[str]
    """The region of everything new; by default azure-native's own location."""

    registry_name: Input[str]
    """The Premium registry that images leave."""

    registry_resource_group_name: NotRequired[Input[str]]
    """The registry's resource group; by default that of everything new."""

    create_registry: NotRequired[bool]
    """Whether the registry is made too; by default it is there already, and is read and never changed."""

    storage_account: NotRequired[str]
    """The storage account that is there already, by its name or its resource ID; by default one is made."""

    container_name: NotRequired[Input[str]]
    """The container that blobs are written to; by default transfer."""

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
    """The name of the vault's secret that holds the SAS token; by default acrexportsas."""

    sas_warned_share: NotRequired[int]
    """With less than this share of the token's life left, deployments warn; in percent, by default 20."""

    identity: NotRequired[str]
    """Who the pipeline is: system (by default), create, or the resource ID of a user-assigned identity."""

    pipeline_name: NotRequired[str]
    """The export pipeline's name, 5 to 50 letters and digits; by default exportPipeline."""

    options: NotRequired[list[str]]
    """Pipeline options: OverwriteBlobs, ContinueOnErrors; by default existing blobs are overwritten."""

    force_update_tag: NotRequired[Input[str]]
    """Any text, by default 1; with another one, every run is made again."""

    max_concurrent_runs: NotRequired[int]
    """How many runs are made at once; by default 10."""

    artifacts: NotRequired[list[str]]
    """What leaves: repository, repository:tag or repository@sha256:..., any number of them."""

    lock: NotRequired[str]
    """What leaves instead, as acr-transfer plan has pinned it: the lock file's path, or its text."""

    blob_prefix: NotRequired[str]
    """What the names of the exported blobs begin with; by default nothing."""


class SourceSide(pulumi.ComponentResource):
    """A registry with all that it needs to export: container, vault, token, pipeline, runs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that holds the exported blobs."""

    export_pipeline_id: Output[str]
    """The export pipeline's resource ID."""

    sas_secret_uri: Output[str | None]
    """The URI of the secret that holds the SAS token, without a version; none without a token."""

    runs: Output[list[Run]]
    """Every run with its outcome."""

    handover: Output[Handover]
    """What the target side has to know."""

    def __init__(self, name: str, args: SourceSideArgs, opts: ResourceOptions | None = None) -> None:
        """Make the side; raises `ArtifactError` or `LockError` for artifacts that cannot be read."""
        super().__init__("acr-transfer:index:SourceSide", name, None, opts)
        lock = read_lock(args["lock"]) if args.get("lock") else None
        stands_on = ground(name, args, Direction.EXPORT, self)
        self._has_token = stands_on.staging.secret is not None
        pipeline = self._pipeline(name, args, stands_on)
        runs = self._runs(name, args, stands_on, pipeline, lock)
        self.login_server = stands_on.registry.apply(lambda found: _same(found.login_server, lock))
        self.container_url = stands_on.staging.container_url
        self.export_pipeline_id = pipeline.pipeline_id
        self.sas_secret_uri = stands_on.staging.sas_secret_uri
        self.runs = runs.runs
        self.handover = Output.all(self.login_server, self.container_url, self.runs).apply(
            lambda known: _handover(known[0], known[1], known[2], lock)
        )
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """What a stack of this side exports; no secret's URI where there is no secret."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            "exportPipelineId": self.export_pipeline_id,
            **({"sasSecretUri": self.sas_secret_uri} if self._has_token else {}),
            "runs": self.runs,
            "handover": self.handover,
        }

    def _pipeline(self, name: str, args: SourceSideArgs, stands_on: Ground) -> ExportPipeline:
        return ExportPipeline(
            f"{name}-pipeline",
            {
                **stands_on.entrance(args),
                "pipeline_name": _name(args),
                "options": args.get("options", list(DEFAULT_OPTIONS[Direction.EXPORT])),
            },
            ResourceOptions(parent=self),
            vault=stands_on.vault,
        )

    def _runs(
        self,
        name: str,
        args: SourceSideArgs,
        stands_on: Ground,
        pipeline: ExportPipeline,
        lock: Lock | None,
    ) -> PipelineRuns:
        return PipelineRuns(
            f"{name}-run",
            {
                "registry_name": args["registry_name"],
                "registry_resource_group_name": stands_on.registry_resource_group,
                "pipeline_id": pipeline.pipeline_id,
                "direction": Direction.EXPORT,
                "transfers": exports(
                    lock.artifacts if lock else [Artifact.parse(text) for text in args.get("artifacts", [])],
                    _name(args),
                    args.get("blob_prefix", ""),
                ),
                # What a run has written is in its container: another one needs another run.
                "force_update_tag": Output.concat(
                    args.get("force_update_tag", "1"), " ", stands_on.staging.container_url
                ),
                "max_concurrent_runs": args.get("max_concurrent_runs", AT_ONCE),
            },
            ResourceOptions(parent=self),
        )


def exports(artifacts: list[Artifact], pipeline_name: str, blob_prefix: str) -> list[Transfer]:
    """Return the runs that export these artifacts.

    A blob is named by what is in it. A run is named by its pipeline too: one registry holds the runs of all
    its pipelines, and two of them may well transfer the same artifacts.
    """
    return [
        Transfer(
            run_name=short_hash(pipeline_name, *batch.identities),
            blob=f"{blob_prefix}{batch.name}",
            artifacts=batch.references,
        )
        for batch in batches(artifacts)
    ]


def _name(args: SourceSideArgs) -> str:
    return args.get("pipeline_name", PIPELINE_NAMES[Direction.EXPORT])


def _same(login_server: str, lock: Lock | None) -> str:
    """The registry's host, if the lock was made of that registry."""
    if lock and lock.registry.lower() != login_server.lower():
        raise LockError(
            f"The lock was made of registry {lock.registry}, and this stack exports from {login_server}.\n"
            "Make a lock of this registry: acr-transfer plan"
        )
    return login_server


def _handover(login_server: str, container_url: str, runs: list[Run], lock: Lock | None) -> Handover:
    done = [run for run in runs if run["status"] == SUCCEEDED]
    blobs = [ExportedBlob(name=run["blob"], artifacts=run["artifacts"]) for run in done]
    return handover_document(login_server, container_url, blobs, lock.entries if lock else ())
