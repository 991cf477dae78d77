"""Images arrive in a registry here."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from .access import StorageAccess, VaultAccess
from .choices import DEFAULT_OPTIONS, DELETE_SOURCE_BLOB, PIPELINE_NAMES, Direction, TriggerStatus
from .grants import container_role
from .identity import identity_of
from .managed_pipelines import IMPORT_PIPELINE, ManagedImportPipeline
from .pipeline_access import is_managed, let_in, same_as, user_identity
from .preview_principal import foreseen_principal

_TYPED = "azure-native:containerregistry:ImportPipeline"


class ImportPipelineArgs(TypedDict):
    """What an import pipeline reads from and writes to."""

    registry_name: Input[str]
    """The Premium registry that images arrive in."""

    registry_resource_group_name: Input[str]
    """The registry's resource group."""

    location: Input[str]
    """The registry's region: a pipeline lives there too."""

    pipeline_name: NotRequired[Input[str]]
    """The pipeline's name: 5 to 50 letters and digits; by default importPipeline."""

    identity: NotRequired[str]
    """Who the pipeline is: system (by default), create, or the resource ID of a user-assigned identity."""

    identity_resource_group_name: NotRequired[Input[str]]
    """The resource group of a new identity; by default the registry's."""

    container_url: Input[str]
    """The container that blobs are read from, without a SAS token."""

    storage_access: NotRequired[StorageAccess]
    """How the pipeline gets into the container; by default with a SAS token."""

    container_id: NotRequired[Input[str]]
    """The container's resource ID; needed for access by managed identity."""

    sas_secret_uri: NotRequired[Input[str]]
    """The key vault secret that holds the SAS token, without a version; needed for access by SAS token."""

    vault_name: NotRequired[Input[str]]
    """The vault that holds the secret; needed for access by SAS token."""

    vault_resource_group_name: NotRequired[Input[str]]
    """The vault's resource group; needed for access by SAS token."""

    vault_access: NotRequired[VaultAccess]
    """How the vault decides who may read; by default with access policies."""

    options: NotRequired[list[str]]
    """Pipeline options: OverwriteTags, DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors."""

    source_trigger_status: NotRequired[TriggerStatus]
    """Whether a blob is imported by itself when it arrives; by default it is."""


class ImportPipeline(pulumi.ComponentResource):
    """An import pipeline, and the right of its identity: to read the SAS token, or to use the container."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, as soon as its identity has its right."""

    principal_id: Output[str]
    """The principal of the pipeline's identity."""

    def __init__(
        self,
        name: str,
        args: ImportPipelineArgs,
        opts: ResourceOptions | None = None,
        *,
        vault: pulumi.Resource | None = None,
    ) -> None:
        """Make the pipeline; if the program has made `vault` too, the grant is deleted with that."""
        super().__init__("acr-transfer:index:ImportPipeline", name, None, opts)
        user = user_identity(name, args, _name(args), args["location"], self)
        make = self._managed if is_managed(args) else self._with_token
        pipeline = make(name, args, identity_of(user))
        place = (_name(args), args["registry_name"], args["registry_resource_group_name"])
        self.principal_id = foreseen_principal(pipeline.identity, Direction.IMPORT, place, user, self)
        role = container_role(Direction.IMPORT, deletes_blobs=DELETE_SOURCE_BLOB in _options(args))
        self.pipeline_id = let_in(name, args, pipeline.id, self.principal_id, role, self, vault)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _with_token(
        self, name: str, args: ImportPipelineArgs, identity: containerregistry.IdentityPropertiesArgs
    ) -> containerregistry.ImportPipeline:
        return containerregistry.ImportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            import_pipeline_name=_name(args),
            location=args["location"],
            identity=identity,
            source=containerregistry.ImportPipelineSourcePropertiesArgs(
                type=containerregistry.PipelineSourceType.AZURE_STORAGE_BLOB_CONTAINER,
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            trigger=containerregistry.PipelineTriggerPropertiesArgs(
                source_trigger=containerregistry.PipelineSourceTriggerPropertiesArgs(status=_trigger(args))
            ),
            options=_options(args),
            opts=same_as(name, Direction.IMPORT, IMPORT_PIPELINE, self),
        )

    def _managed(
        self, name: str, args: ImportPipelineArgs, identity: containerregistry.IdentityPropertiesArgs
    ) -> ManagedImportPipeline:
        return ManagedImportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            import_pipeline_name=_name(args),
            location=args["location"],
            identity=identity,
            container_url=args["container_url"],
            trigger_status=_trigger(args),
            options=_options(args),
            opts=same_as(name, Direction.IMPORT, _TYPED, self),
        )


def _name(args: ImportPipelineArgs) -> Input[str]:
    return args.get("pipeline_name", PIPELINE_NAMES[Direction.IMPORT])


def _options(args: ImportPipelineArgs) -> list[str]:
    return args.get("options", list(DEFAULT_OPTIONS[Direction.IMPORT]))


def _trigger(args: ImportPipelineArgs) -> str:
    return str(args.get("source_trigger_status", TriggerStatus.ENABLED))
