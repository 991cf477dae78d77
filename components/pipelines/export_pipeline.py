"""The pipeline that exports images from a registry."""

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.options import Direction
from acr_transfer.model.roles import container_role

from .. import defaults
from ..arguments import PipelineArgs
from .grants import check_pipeline, grant_access, is_managed
from .identity import identity_input, principal_id, user_assigned_identity
from .preview_api import ManagedPipeline, pipeline_options


class ExportPipelineArgs(PipelineArgs):
    """The registry that the pipeline reads and the container that it writes."""


class ExportPipeline(pulumi.ComponentResource):
    """An export pipeline and its identity's permission to read the SAS token or to use the container."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, once its identity has its permission."""

    principal_id: Output[str]
    """The principal of the pipeline's identity."""

    def __init__(self, name: str, args: ExportPipelineArgs, opts: ResourceOptions | None = None) -> None:
        """Create the pipeline; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:ExportPipeline", name, None, opts)
        check_pipeline(f"ExportPipeline {name}", args, ExportPipelineArgs, Direction.EXPORT)
        pipeline_name = args.get("pipeline", defaults.PIPELINES[Direction.EXPORT])
        user = user_assigned_identity(f"{name}-identity", args, pipeline_name, self)
        pipeline = self._create(name, args, pipeline_name, identity_input(user))
        path = (pipeline_name, args["registry"], args["registry_resource_group"])
        self.principal_id = principal_id(pipeline.identity, Direction.EXPORT, path, user, self)
        role = container_role(Direction.EXPORT, deletes_blobs=False)
        self.pipeline_id = grant_access(name, args, pipeline.id, self.principal_id, role, self)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _create(
        self,
        name: str,
        args: ExportPipelineArgs,
        pipeline_name: Input[str],
        identity: containerregistry.IdentityPropertiesArgs,
    ) -> containerregistry.ExportPipeline | ManagedPipeline:
        managed = is_managed(args)
        options = args.get("options", list(defaults.OPTIONS[Direction.EXPORT]))
        opts = pipeline_options(name, Direction.EXPORT, managed=managed, parent=self)
        if managed:
            return ManagedPipeline(
                name,
                Direction.EXPORT,
                registry_name=args["registry"],
                resource_group_name=args["registry_resource_group"],
                pipeline_name=pipeline_name,
                location=args["location"],
                identity=identity,
                container_url=args["container_url"],
                options=options,
                opts=opts,
            )
        return containerregistry.ExportPipeline(
            name,
            registry_name=args["registry"],
            resource_group_name=args["registry_resource_group"],
            export_pipeline_name=pipeline_name,
            location=args["location"],
            identity=identity,
            target=containerregistry.ExportPipelineTargetPropertiesArgs(
                type="AzureStorageBlobContainer",
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            options=options,
            opts=opts,
        )
