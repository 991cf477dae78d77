"""Images arrive in a registry here."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from .direction import DEFAULT_OPTIONS, Direction, TriggerStatus
from .grant import let_read_secrets, once_granted, principal_id


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

    container_url: Input[str]
    """The container that blobs are read from, without a SAS token."""

    sas_secret_uri: Input[str]
    """The key vault secret that holds the SAS token, without a version."""

    vault_name: Input[str]
    """The access policy vault that holds the secret."""

    vault_resource_group_name: Input[str]
    """The vault's resource group."""

    options: NotRequired[Input[list[str]]]
    """Pipeline options: OverwriteTags, DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors."""

    source_trigger_status: NotRequired[TriggerStatus]
    """Whether a blob is imported by itself when it arrives; by default it is."""


class ImportPipeline(pulumi.ComponentResource):
    """An import pipeline with its trigger, and the right of its identity to read the SAS token."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, as soon as its identity may read the SAS token."""

    principal_id: Output[str]
    """The identity that Azure made for the pipeline."""

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

    def _pipeline(self, name: str, args: ImportPipelineArgs) -> containerregistry.ImportPipeline:
        return containerregistry.ImportPipeline(
            name,
            registry_name=args["registry_name"],
            resource_group_name=args["registry_resource_group_name"],
            import_pipeline_name=args.get("pipeline_name", "importPipeline"),
            location=args["location"],
            identity=containerregistry.IdentityPropertiesArgs(
                type=containerregistry.ResourceIdentityType.SYSTEM_ASSIGNED
            ),
            source=containerregistry.ImportPipelineSourcePropertiesArgs(
                type=containerregistry.PipelineSourceType.AZURE_STORAGE_BLOB_CONTAINER,
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            trigger=containerregistry.PipelineTriggerPropertiesArgs(
                source_trigger=containerregistry.PipelineSourceTriggerPropertiesArgs(
                    status=str(args.get("source_trigger_status", TriggerStatus.ENABLED))
                )
            ),
            options=args.get("options", list(DEFAULT_OPTIONS[Direction.IMPORT])),
            opts=ResourceOptions(parent=self),
        )
