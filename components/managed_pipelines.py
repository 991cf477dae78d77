"""Pipelines of the API version that can do without a SAS token: 2025-06-01-preview.

azure-native makes other API versions than its default ones when it is given a parameter. These classes are
what `pulumi package add azure-native containerregistry 2025-06-01-preview` would generate for the two types.
https://www.pulumi.com/registry/packages/azure-native/version-guide/
"""

import base64
import json

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi.runtime.settings import register_package
from pulumi_azure_native import containerregistry

PACKAGE = "azure-native_containerregistry_v20250601preview"
"""The parameterized package."""

EXPORT_PIPELINE = f"{PACKAGE}:containerregistry:ExportPipeline"
"""The type of an export pipeline in this version."""

IMPORT_PIPELINE = f"{PACKAGE}:containerregistry:ImportPipeline"
"""The type of an import pipeline in this version."""

_VERSION = "3.29.0"
_PARAMETER = {"module": "containerregistry", "version": "v20250601preview"}


class ManagedExportPipeline(pulumi.CustomResource):
    """An export pipeline that gets into its container with its own identity.

    https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create?view=rest-containerregistry-2025-06-01-preview
    """

    identity: Output[containerregistry.outputs.IdentityPropertiesResponse | None]
    """The pipeline's identity as Azure says it, with its principal."""

    provisioning_state: Output[str]
    """What became of the pipeline: Succeeded, or else."""

    def __init__(
        self,
        resource_name: str,
        *,
        registry_name: Input[str],
        resource_group_name: Input[str],
        export_pipeline_name: Input[str],
        location: Input[str],
        identity: Input[containerregistry.IdentityPropertiesArgs],
        container_url: Input[str],
        options: Input[list[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """Make the pipeline.

        `container_url` is the container's address without a token; `options` are those of exports.
        """
        inputs = {
            "registryName": registry_name,
            "resourceGroupName": resource_group_name,
            "exportPipelineName": export_pipeline_name,
            "location": location,
            "identity": identity,
            "target": _place(container_url),
            "options": options,
            "provisioningState": None,
        }
        super().__init__(EXPORT_PIPELINE, resource_name, inputs, opts, package_ref=_package())


class ManagedImportPipeline(pulumi.CustomResource):
    """An import pipeline that gets into its container with its own identity.

    https://learn.microsoft.com/rest/api/containerregistry/import-pipelines/create?view=rest-containerregistry-2025-06-01-preview
    """

    identity: Output[containerregistry.outputs.IdentityPropertiesResponse | None]
    """The pipeline's identity as Azure says it, with its principal."""

    provisioning_state: Output[str]
    """What became of the pipeline: Succeeded, or else."""

    def __init__(
        self,
        resource_name: str,
        *,
        registry_name: Input[str],
        resource_group_name: Input[str],
        import_pipeline_name: Input[str],
        location: Input[str],
        identity: Input[containerregistry.IdentityPropertiesArgs],
        container_url: Input[str],
        trigger_status: Input[str],
        options: Input[list[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """Make the pipeline.

        `container_url` is the container's address without a token; `trigger_status` is Enabled or Disabled;
        `options` are those of imports.
        """
        inputs = {
            "registryName": registry_name,
            "resourceGroupName": resource_group_name,
            "importPipelineName": import_pipeline_name,
            "location": location,
            "identity": identity,
            "source": _place(container_url),
            "trigger": {"sourceTrigger": {"status": trigger_status}},
            "options": options,
            "provisioningState": None,
        }
        super().__init__(IMPORT_PIPELINE, resource_name, inputs, opts, package_ref=_package())


def _place(container_url: Input[str]) -> dict[str, Input[str]]:
    return {
        "type": "AzureStorageBlobContainer",
        "uri": container_url,
        "storageAccessMode": "ManagedIdentity",
    }


async def _package() -> str:
    """The engine's reference of the package; asked for once a deployment."""
    parameter = base64.b64encode(json.dumps(_PARAMETER).encode()).decode()
    return await register_package("azure-native", _VERSION, "", PACKAGE, _VERSION, parameter)
