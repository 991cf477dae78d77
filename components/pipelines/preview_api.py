"""Resources of the API version 2025-06-01-preview: pipelines that use managed identities instead of SAS
tokens, and registries with roles on repositories.

azure-native creates resources of API versions other than its default ones when it gets a parameter. These
classes are what `pulumi package add azure-native containerregistry 2025-06-01-preview` would generate for the
four types. The runs of such a pipeline need the version too: https://github.com/Azure/acr/issues/867
https://www.pulumi.com/registry/packages/azure-native/version-guide/
"""

from collections.abc import Mapping
from functools import partial
from operator import methodcaller
from typing import Any, cast

import pulumi
from pulumi import Alias, Input, Output, ResourceOptions
from pulumi_azure_native import containerregistry

from acr_transfer.model.options import Direction
from acr_transfer.model.roles import RoleAssignmentMode

from ..arguments import PipelineArgs, options_of, trigger_of, uses_token
from ..conflicts import PIPELINES, explain_conflict
from ..sdk import keeps_values, parameterized_package, provider_settings

PACKAGE = "azure-native_containerregistry_v20250601preview"
"""The parameterized package."""

EXPORT_PIPELINE = f"{PACKAGE}:containerregistry:ExportPipeline"
"""The type of an export pipeline in this version."""

IMPORT_PIPELINE = f"{PACKAGE}:containerregistry:ImportPipeline"
"""The type of an import pipeline in this version."""

ABAC_REGISTRY = f"{PACKAGE}:containerregistry:Registry"
"""The type of a registry in this version."""

PIPELINE_RUN = f"{PACKAGE}:containerregistry:PipelineRun"
"""The type of a pipeline run in this version."""

_DEFAULT_RUN = "azure-native:containerregistry:PipelineRun"
_TYPES = {Direction.EXPORT: EXPORT_PIPELINE, Direction.IMPORT: IMPORT_PIPELINE}
_DEFAULT_TYPES = {
    Direction.EXPORT: "azure-native:containerregistry:ExportPipeline",
    Direction.IMPORT: "azure-native:containerregistry:ImportPipeline",
}
"""The types of the pipelines in azure-native's default API version."""

_CONTAINERS = {Direction.EXPORT: "target", Direction.IMPORT: "source"}
"""The property of a pipeline that holds its container."""

_VERSION = "3.29.0"
_SETTINGS = (
    "auxiliaryTenantIds",
    "clientCertificatePath",
    "disableInstanceDiscovery",
    "disablePulumiPartnerId",
    "environment",
    "location",
    "metadataHost",
    "msiEndpoint",
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


class PreviewPipeline(pulumi.CustomResource):
    """A pipeline that accesses its container with its identity, or did so before it got a token.

    https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create?view=rest-containerregistry-2025-06-01-preview
    https://learn.microsoft.com/rest/api/containerregistry/import-pipelines/create?view=rest-containerregistry-2025-06-01-preview
    """

    identity: Output[containerregistry.outputs.IdentityPropertiesResponse | None]
    """The pipeline's identity in Azure's answer, with its principal."""

    provisioning_state: Output[str]
    """The state of the pipeline: Succeeded, or another one."""

    provider: pulumi.ProviderResource | None
    """The provider of this version that the pipeline has; None for the one of its parent."""

    def __init__(
        self,
        name: str,
        direction: Direction,
        args: PipelineArgs,
        pipeline_name: Input[str],
        identity: Input[containerregistry.IdentityPropertiesArgs],
        opts: ResourceOptions,
    ) -> None:
        """Create the pipeline."""
        container = {
            "type": "AzureStorageBlobContainer",
            "uri": args["container_url"],
            "storageAccessMode": "ManagedIdentity",
        }
        if uses_token(args):
            container |= {"storageAccessMode": "SasToken", "keyVaultUri": args["sas_secret_uri"]}
        inputs: dict[str, Any] = {
            "registryName": args["registry"],
            "resourceGroupName": args["registry_resource_group"],
            f"{direction}PipelineName": pipeline_name,
            "location": args["location"],
            "identity": identity,
            _CONTAINERS[direction]: container,
            "options": options_of(args, direction),
            "provisioningState": None,
        }
        if direction is Direction.IMPORT:
            inputs["trigger"] = {"sourceTrigger": {"status": trigger_of(args)}}
        typ = _TYPES[direction]
        opts = _with_provider(name, typ, opts)
        self.provider = opts.provider
        super().__init__(typ, name, inputs, opts, package_ref=_package())


class ManagedRun(pulumi.CustomResource):
    """A run of a pipeline that accesses its container with its identity.

    https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create?view=rest-containerregistry-2025-06-01-preview
    """

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: ResourceOptions) -> None:
        """Start the run; `inputs` are those of a `containerregistry.PipelineRun`."""
        spelled = {"registry_name": "registryName", "resource_group_name": "resourceGroupName"}
        spelled |= {"pipeline_run_name": "pipelineRunName", "force_update_tag": "forceUpdateTag"}
        given = {spelled.get(key, key): value for key, value in inputs.items()}
        outputs = {"provisioningState": None, "response": None}
        super().__init__(PIPELINE_RUN, name, {**given, **outputs}, opts, package_ref=_package())

    @property
    @pulumi.getter(name="provisioningState")
    def provisioning_state(self) -> Output[str]:
        """The state of the run: Succeeded, or another one."""
        return cast(Output[str], pulumi.get(self, "provisioningState"))

    @property
    @pulumi.getter
    def response(self) -> Output[containerregistry.outputs.PipelineRunResponseResponse | None]:
        """The result of the run."""
        return cast(
            Output[containerregistry.outputs.PipelineRunResponseResponse | None], pulumi.get(self, "response")
        )


def run_options(*, managed: bool) -> ResourceOptions:
    """Return the options of a run, which has another type with the other kind of access.

    It remains the same run: a change of access does not start it again.
    """
    return ResourceOptions(aliases=[Alias(type_=_DEFAULT_RUN if managed else PIPELINE_RUN)])


class AbacRegistry(pulumi.CustomResource):
    """A Premium registry with roles on repositories, without an admin user and without anonymous pull.

    https://learn.microsoft.com/azure/templates/microsoft.containerregistry/2025-06-01-preview/registries
    """

    name: Output[str]
    """The registry's name."""

    location: Output[str]
    """The registry's region."""

    def __init__(
        self,
        resource_name: str,
        *,
        registry_name: Input[str],
        resource_group_name: Input[str],
        location: Input[str] | None,
        tags: Input[dict[str, str]] | None,
        opts: ResourceOptions,
    ) -> None:
        """Create the registry."""
        inputs: dict[str, Any] = {
            "registryName": registry_name,
            "resourceGroupName": resource_group_name,
            "location": location,
            "tags": tags,
            "sku": {"name": "Premium"},
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "roleAssignmentMode": RoleAssignmentMode.ABAC.value,
            "name": None,
            "loginServer": None,
        }
        options = _with_provider(resource_name, ABAC_REGISTRY, opts)
        super().__init__(ABAC_REGISTRY, resource_name, inputs, options, package_ref=_package())

    @property
    def login_server(self) -> Output[str]:
        """The registry's host."""
        found: Output[str] = vars(self)["loginServer"]
        return found


def keeps_version(name: str, ready: Input[str], *, managed: bool, parent: pulumi.Resource) -> Output[bool]:
    """Return whether a pipeline is of this API version: once it has used its identity, it remains so.

    A resource of this name keeps the answer in the stack's state, once `ready` is known. An older API version
    does not know the access mode, so it cannot change a pipeline back to a token. An engine that cannot keep
    values replaces the pipeline then.
    """
    if not keeps_values():
        return Output.from_input(managed)

    async def answer() -> bool:
        await Output.from_input(ready).future()
        return managed

    opts = ResourceOptions(parent=parent, ignore_changes=[] if managed else ["input"])
    return pulumi.Stash(name, input=answer(), opts=opts).input


def pipeline_options(
    name: str, direction: Direction, *, preview: bool, parent: pulumi.Resource
) -> ResourceOptions:
    """Return the options of a pipeline, which has another type in the other API version.

    It remains the same pipeline: this version changes its access in place. The default version does not know
    the access mode, so there a change of it replaces the pipeline, which only an engine that cannot keep
    values needs. Any other replacement has another ID: the old pipeline goes after the runs that name it.
    """
    other = _DEFAULT_TYPES if preview else _TYPES
    opts = ResourceOptions(
        parent=parent,
        aliases=[Alias(type_=other[direction])],
        replace_on_changes=[] if preview else [f"{_CONTAINERS[direction]}.storageAccessMode"],
        delete_before_replace=not keeps_values(),
    )
    return explain_conflict(PIPELINES[direction], name, opts)


def _with_provider(name: str, typ: str, opts: ResourceOptions) -> ResourceOptions:
    """The options with a provider of the package: it has the settings of the azure-native provider in use.

    The engine's default provider would have only the configuration of its own package.
    """
    parent = opts.parent
    if opts.provider or (parent and parent.get_provider(typ)):
        return opts
    explicit = parent.get_provider(_DEFAULT_TYPES[Direction.EXPORT]) if parent else None
    provider = pulumi.ProviderResource(
        PACKAGE,
        f"{name}-azure",
        _explicit(explicit) if explicit else _configured(),
        ResourceOptions(parent=parent),
        package_ref=_package(),
    )
    return ResourceOptions.merge(opts, ResourceOptions(provider=provider))


def _configured() -> dict[str, Any]:
    """The settings in the stack's configuration; the SDK leaves out those that are None."""
    config = pulumi.Config("azure-native")
    secrets = {key: config.get_secret(key) for key in _SECRETS}
    return {key: config.get(key) for key in _SETTINGS} | secrets


def _explicit(provider: pulumi.ProviderResource) -> dict[str, Any]:
    """The settings of an explicit provider; the SDK leaves out those that are None."""
    found: Output[dict[str, Any]] = Output.from_input(provider.urn).apply(provider_settings)
    settings = {key: found.apply(methodcaller("get", key)) for key in _SETTINGS}
    return settings | {key: found.apply(partial(_secret, key)) for key in _SECRETS}


def _secret(key: str, settings: dict[str, Any]) -> Any:
    return Output.secret(settings[key]) if settings.get(key) is not None else None


async def _package() -> str:
    wanted = {"module": "containerregistry", "version": "v20250601preview"}
    return await parameterized_package("azure-native", _VERSION, PACKAGE, wanted)
