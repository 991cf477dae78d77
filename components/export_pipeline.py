"""Images leave a registry here."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from .access import StorageAccess, VaultAccess
from .choices import DEFAULT_OPTIONS, PIPELINE_NAMES, Direction
from .grants import container_role
from .identity import identity_of
from .managed_pipelines import EXPORT_PIPELINE, ManagedExportPipeline
from .pipeline_access import is_managed, let_in, same_as, user_identity
from .preview_principal import foreseen_principal

_TYPED = "azure-native:containerregistry:ExportPipeline"


class ExportPipelineArgs(TypedDict):
    """What an export pipeline reads from and writes to."""

    registry_name: Input[str]
    """The Premium registry that images leave."""

    registry_resource_group_name: Input[str]
    """The registry's resource group."""

    location: Input[str]
    """The registry's region: a pipeline lives there too."""

    pipeline_name: NotRequired[Input[str]]
    """The pipeline's name: 5 to 50 letters and digits; by default exportPipeline."""

    identity: NotRequired[str]
    """Who the pipeline is: system (by default), create, or the resource ID of a user-assigned identity."""

    identity_resource_group_name: NotRequired[Input[str]]
    """The resource group of a new identity; by default the registry's."""

    container_url: Input[str]
    """The container that blobs are written to, without a SAS token."""

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

    options: NotRequired[Input[list[str]]]
    """Pipeline options: OverwriteBlobs, ContinueOnErrors; by default existing blobs are overwritten."""


class ExportPipeline(pulumi.ComponentResource):
    """An export pipeline, and the right of its identity: to read the SAS token, or to use the container."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, as soon as its identity has its right."""

    principal_id: Output[str]
    """The principal of the pipeline's identity."""

    def __init__(
        self,
        name: str,
        args: ExportPipelineArgs,
        opts: ResourceOptions | None = None,
        *,
        vault: pulumi.Resource | None = None,
    ) -> None:
        """Make the pipeline; if the program has made `vault` too, the grant is deleted with that."""
        super().__init__("acr-transfer:index:ExportPipeline", name, None, opts)
        user = user_identity(name, args, _name(args), args["location"], self)
        make = self._managed if is_managed(args) else self._with_token
        pipeline = make(name, args, identity_of(user))
        place = (_name(args), args["registry_name"], args["registry_resource_group_name"])
        self.principal_id = foreseen_principal(pipeline.identity, Direction.EXPORT, place, user, self)
        role = container_role(Direction.EXPORT, deletes_blobs=False)
        self.pipeline_id = let_in(name, args, pipeline.id, self.principal_id, role, self, vault)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _with_token(
        self, name: str, args: ExportPipelineArgs, identity: containerregistry.IdentityPropertiesArgs
    ) -> containerregistry.ExportPipeline:
        return containerregistry.ExportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            export_pipeline_name=_name(args),
            location=args["location"],
            identity=identity,
            target=containerregistry.ExportPipelineTargetPropertiesArgs(
                type="AzureStorageBlobContainer",
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            options=_options(args),
            opts=same_as(name, Direction.EXPORT, EXPORT_PIPELINE, self),
        )

    def _managed(
        self, name: str, args: ExportPipelineArgs, identity: containerregistry.IdentityPropertiesArgs
    ) -> ManagedExportPipeline:
        return ManagedExportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            export_pipeline_name=_name(args),
            location=args["location"],
            identity=identity,
            container_url=args["container_url"],
            options=_options(args),
            opts=same_as(name, Direction.EXPORT, _TYPED, self),
        )


def _name(args: ExportPipelineArgs) -> Input[str]:
    return args.get("pipeline_name", PIPELINE_NAMES[Direction.EXPORT])


def _options(args: ExportPipelineArgs) -> Input[list[str]]:
    return args.get("options", list(DEFAULT_OPTIONS[Direction.EXPORT]))
