"""The pipeline that imports images into a registry."""

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction
from acr_transfer.model.roles import container_role

from .. import defaults
from ..arguments import PipelineArgs, TriggerSettings
from .grants import check_pipeline, grant_access, is_managed
from .identity import identity_input, principal_id, user_assigned_identity
from .preview_api import ManagedPipeline, pipeline_options


class ImportPipelineArgs(PipelineArgs, TriggerSettings):
    """The container that the pipeline reads and the registry that it writes."""


class ImportPipeline(pulumi.ComponentResource):
    """An import pipeline and its identity's permission to read the SAS token or to use the container."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, once its identity has its permission."""

    principal_id: Output[str]
    """The principal of the pipeline's identity."""

    def __init__(self, name: str, args: ImportPipelineArgs, opts: ResourceOptions | None = None) -> None:
        """Create the pipeline; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:ImportPipeline", name, None, opts)
        check_pipeline(f"ImportPipeline {name}", args, ImportPipelineArgs, Direction.IMPORT)
        pipeline_name = args.get("pipeline", defaults.PIPELINES[Direction.IMPORT])
        user = user_assigned_identity(f"{name}-identity", args, pipeline_name, self)
        pipeline = self._create(name, args, pipeline_name, identity_input(user))
        path = (pipeline_name, args["registry"], args["registry_resource_group"])
        self.principal_id = principal_id(pipeline.identity, Direction.IMPORT, path, user, self)
        role = container_role(Direction.IMPORT, deletes_blobs=DELETE_SOURCE_BLOB in _options(args))
        self.pipeline_id = grant_access(name, args, pipeline.id, self.principal_id, role, self)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _create(
        self,
        name: str,
        args: ImportPipelineArgs,
        pipeline_name: Input[str],
        identity: containerregistry.IdentityPropertiesArgs,
    ) -> containerregistry.ImportPipeline | ManagedPipeline:
        managed = is_managed(args)
        opts = pipeline_options(name, Direction.IMPORT, managed=managed, parent=self)
        trigger = str(args.get("source_trigger_status", defaults.SOURCE_TRIGGER_STATUS))
        if managed:
            return ManagedPipeline(
                name,
                Direction.IMPORT,
                registry_name=args["registry"],
                resource_group_name=args["registry_resource_group"],
                pipeline_name=pipeline_name,
                location=args["location"],
                identity=identity,
                container_url=args["container_url"],
                trigger_status=trigger,
                options=_options(args),
                opts=opts,
            )
        return containerregistry.ImportPipeline(
            name,
            registry_name=args["registry"],
            resource_group_name=args["registry_resource_group"],
            import_pipeline_name=pipeline_name,
            location=args["location"],
            identity=identity,
            source=containerregistry.ImportPipelineSourcePropertiesArgs(
                type=containerregistry.PipelineSourceType.AZURE_STORAGE_BLOB_CONTAINER,
                uri=args["container_url"],
                key_vault_uri=args["sas_secret_uri"],
            ),
            trigger=containerregistry.PipelineTriggerPropertiesArgs(
                source_trigger=containerregistry.PipelineSourceTriggerPropertiesArgs(status=trigger)
            ),
            options=_options(args),
            opts=opts,
        )


def _options(args: ImportPipelineArgs) -> list[str]:
    return args.get("options", list(defaults.OPTIONS[Direction.IMPORT]))
