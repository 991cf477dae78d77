"""The pipeline that exports images from a registry, and the one that imports images into a registry."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction
from acr_transfer.model.roles import container_role

from .. import defaults
from ..arguments import PipelineArgs, TriggerSettings, options_of, trigger_of, uses_token
from .grants import check_pipeline, grant_access
from .identity import Identity, identity_input, principal_id, user_assigned_identity
from .preview_api import PreviewPipeline, keeps_version, pipeline_options

AnyPipeline = containerregistry.ExportPipeline | containerregistry.ImportPipeline | PreviewPipeline


class Pipeline(pulumi.ComponentResource):
    """A pipeline and its identity's permission to read the SAS token or to use the container."""

    pipeline_id: Output[str]
    """The pipeline's resource ID, once its identity has its permission."""

    principal_id: Output[str]
    """The principal of the pipeline's identity."""

    def __init__(
        self, name: str, args: PipelineArgs, kind: type, direction: Direction, opts: ResourceOptions | None
    ) -> None:
        """Create the pipeline, whose arguments `kind` declares; raises `ArgumentError`."""
        component = type(self).__name__
        super().__init__(f"acr-transfer:index:{component}", name, None, opts)
        check_pipeline(f"{component} {name}", args, kind, direction)
        pipeline_name = args.get("pipeline", defaults.PIPELINES[direction])
        user = user_assigned_identity(f"{name}-identity", args, pipeline_name, self)
        create = partial(self._create, name, args, direction, pipeline_name, identity_input(user))
        pipeline = self._of_its_version(name, args, create)
        path = (pipeline_name, args["registry"], args["registry_resource_group"])
        identity: Output[Identity | None] = pipeline.apply(lambda made: made.identity)
        self.principal_id = principal_id(identity, direction, path, user, self)
        deletes = DELETE_SOURCE_BLOB in options_of(args, direction)
        role = container_role(direction, deletes_blobs=deletes)
        id: Output[str] = pipeline.apply(lambda made: made.id)
        self.pipeline_id = grant_access(name, args, id, self.principal_id, role, direction, self)
        self.register_outputs({"pipelineId": self.pipeline_id, "principalId": self.principal_id})

    def _of_its_version(
        self, name: str, args: PipelineArgs, create: Callable[..., AnyPipeline]
    ) -> Output[AnyPipeline]:
        """Create the pipeline in its API version; its runs use the version only with its identity."""
        managed = not uses_token(args)
        preview = keeps_version(f"{name}-version", args["registry"], managed=managed, parent=self)
        self.run_provider = None
        if not managed:
            return preview.apply(lambda kept: create(preview=kept))
        pipeline = create(preview=True)
        self.run_provider = pipeline.provider if isinstance(pipeline, PreviewPipeline) else None
        return Output.from_input(pipeline)

    def _create(
        self,
        name: str,
        args: PipelineArgs,
        direction: Direction,
        pipeline_name: Input[str],
        identity: containerregistry.IdentityPropertiesArgs,
        *,
        preview: bool,
    ) -> AnyPipeline:
        opts = pipeline_options(name, direction, preview=preview, parent=self)
        if preview:
            return PreviewPipeline(name, direction, args, pipeline_name, identity, opts)
        common: dict[str, Any] = {
            "registry_name": args["registry"],
            "resource_group_name": args["registry_resource_group"],
            "location": args["location"],
            "identity": identity,
            "options": options_of(args, direction),
            "opts": opts,
        }
        uri, secret = args["container_url"], args["sas_secret_uri"]
        if direction is Direction.EXPORT:
            target = containerregistry.ExportPipelineTargetPropertiesArgs(
                type="AzureStorageBlobContainer", uri=uri, key_vault_uri=secret
            )
            return containerregistry.ExportPipeline(
                name, export_pipeline_name=pipeline_name, target=target, **common
            )
        return containerregistry.ImportPipeline(
            name,
            import_pipeline_name=pipeline_name,
            source=containerregistry.ImportPipelineSourcePropertiesArgs(
                type=containerregistry.PipelineSourceType.AZURE_STORAGE_BLOB_CONTAINER,
                uri=uri,
                key_vault_uri=secret,
            ),
            trigger=containerregistry.PipelineTriggerPropertiesArgs(
                source_trigger=containerregistry.PipelineSourceTriggerPropertiesArgs(status=trigger_of(args))
            ),
            **common,
        )


class ExportPipelineArgs(PipelineArgs):
    """The registry that the pipeline reads and the container that it writes."""


class ExportPipeline(Pipeline):
    """An export pipeline and its identity's permission to read the SAS token or to use the container."""

    def __init__(self, name: str, args: ExportPipelineArgs, opts: ResourceOptions | None = None) -> None:
        """Create the pipeline; raises `ArgumentError`."""
        super().__init__(name, args, ExportPipelineArgs, Direction.EXPORT, opts)


class ImportPipelineArgs(PipelineArgs, TriggerSettings):
    """The container that the pipeline reads and the registry that it writes."""


class ImportPipeline(Pipeline):
    """An import pipeline and its identity's permission to read the SAS token or to use the container."""

    def __init__(self, name: str, args: ImportPipelineArgs, opts: ResourceOptions | None = None) -> None:
        """Create the pipeline; raises `ArgumentError`."""
        super().__init__(name, args, ImportPipelineArgs, Direction.IMPORT, opts)
