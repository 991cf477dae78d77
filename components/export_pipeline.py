"""Images leave a registry here."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from .direction import DEFAULT_OPTIONS, Direction
from .grant import let_read_secrets, once_granted, principal_id


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

    container_url: Input[str]
    """The container that blobs are written to, without a SAS token."""

    sas_secret_uri: Input[str]
    """The key vault secret that holds the SAS token, without a version."""

    vault_name: Input[str]
    """The access policy vault that holds the secret."""

    vault_resource_group_name: Input[str]
    """The vault's resource group."""

    options: NotRequired[Input[list[str]]]
    """Pipeline options: OverwriteBlobs, ContinueOnErrors; by default existing blobs are overwritten."""


class ExportPipeline(pulumi.ComponentResource):
    """An export pipeline, and the right of its identity to read the SAS token."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, as soon as its identity may read the SAS token."""

    principal_id: Output[str]
    """The identity that Azure made for the pipeline."""

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
        pipeline = self._pipeline(name, args)
        self.principal_id = pipeline.identity.apply(principal_id)
        grant = let_read_secrets(
            f"{name}-reads-sas",
            self.principal_id,
            args["vault_name"],
            args["vault_resource_group_name"],
            ResourceOptions(parent=self, deleted_with=vault),
        )
        self.pipeline_id = once_granted(pipeline.id, grant)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _pipeline(self, name: str, args: ExportPipelineArgs) -> containerregistry.ExportPipeline:
        return containerregistry.ExportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            export_pipeline_name=args.get("pipeline_name", "exportPipeline"),
            location=args["location"],
            identity=containerregistry.IdentityPropertiesArgs(
                type=containerregistry.ResourceIdentityType.SYSTEM_ASSIGNED
            ),
            target=containerregistry.ExportPipelineTargetPropertiesArgs(
                type="AzureStorageBlobContainer",
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            options=args.get("options", list(DEFAULT_OPTIONS[Direction.EXPORT])),
            opts=ResourceOptions(parent=self),
        )
