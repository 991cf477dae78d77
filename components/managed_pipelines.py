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
_SETTINGS = (
    "auxiliaryTenantIds",
    "clientCertificatePath",
    "disableInstanceDiscovery",
    "disablePulumiPartnerId",
    "environment",
    "location",
    "metadataHost",
    "oidcRequestUrl",
    "oidcTokenFilePath",
    "partnerId",
    "subscriptionId",
    "tenantId",
    "useDefaultAzureCredential",
    "useMsi",
    "useOidc",
)
_SECRETS = ("clientId", "clientSecret", "clientCertificatePassword", "oidcRequestToken", "oidcToken")


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
        provided = _provided(resource_name, EXPORT_PIPELINE, opts)
        super().__init__(EXPORT_PIPELINE, resource_name, inputs, provided, package_ref=_package())


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
        provided = _provided(resource_name, IMPORT_PIPELINE, opts)
        super().__init__(IMPORT_PIPELINE, resource_name, inputs, provided, package_ref=_package())


def _place(container_url: Input[str]) -> dict[str, Input[str]]:
    return {
        "type": "AzureStorageBlobContainer",
        "uri": container_url,
        "storageAccessMode": "ManagedIdentity",
    }


def _provided(name: str, kind: str, opts: ResourceOptions | None) -> ResourceOptions:
    """The given options with a provider of the package, unless the caller has brought one.

    The engine's own one would not know the stack's `azure-native` configuration, only that of its package.
    """
    given = opts or ResourceOptions()
    if given.provider or (given.parent and given.parent.get_provider(kind)):
        return given
    configured = pulumi.Config("azure-native")
    settings = {key: configured.get(key) for key in _SETTINGS}
    secrets = {key: configured.get_secret(key) for key in _SECRETS}
    provider = pulumi.ProviderResource(
        PACKAGE,
        f"{name}-azure",
        {key: value for key, value in {**settings, **secrets}.items() if value is not None},
        ResourceOptions(parent=given.parent),
        package_ref=_package(),
    )
    return ResourceOptions.merge(given, ResourceOptions(provider=provider))


async def _package() -> str:
    """The engine's reference of the package; asked for once a deployment."""
    wanted = {"module": "containerregistry", "version": "v20250601preview"}
    # Twice: the plugin reads base64, and a generated SDK holds what the plugin reads in base64.
    parameter = base64.b64encode(base64.b64encode(json.dumps(wanted, separators=(",", ":")).encode()))
    return await register_package("azure-native", _VERSION, "", PACKAGE, _VERSION, parameter.decode())
