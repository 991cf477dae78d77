"""The supported resource types of azure-native.

keyvault:AccessPolicy is not an Azure resource; see access_policy.py.
"""

from __future__ import annotations

from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
_REGISTRY = f"{_GROUP}/Microsoft.ContainerRegistry/registries/{{registryName}}"
_ACCOUNT = f"{_GROUP}/Microsoft.Storage/storageAccounts/{{accountName}}"
_VAULT = f"{_GROUP}/Microsoft.KeyVault/vaults/{{vaultName}}"
_GENERIC = "{resourceProviderNamespace}/{parentResourcePath}/{resourceType}/{resourceName}"

_LETTERS = "^[a-zA-Z0-9]*$"
_PIPELINE_TOP = frozenset({"location", "identity"})

RESOURCE_TYPES: dict[str, ResourceMetadata] = {
    "resources:ResourceGroup": ResourceMetadata(
        "2024-03-01",
        "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
        naming="random",
        top=frozenset({"location", "tags", "managedBy"}),
        needs_location=True,
        replaces=frozenset({"location"}),
        name_limits=(1, 90, ""),
    ),
    "resources:Resource": ResourceMetadata(
        "2024-03-01",
        f"/subscriptions/{{subscriptionId}}/resourcegroups/{{resourceGroupName}}/providers/{_GENERIC}",
        naming="random",
        flat=False,
        listed_ids=frozenset({"identity.userAssignedIdentities"}),
    ),
    "containerregistry:Registry": ResourceMetadata(
        "2023-01-01-preview",
        _REGISTRY,
        naming="random",
        top=frozenset({"location", "sku", "identity", "tags"}),
        needs_location=True,
        replaces=frozenset({"location"}),
        renamed={"networkRuleSet.ipRules.iPAddressOrRange": "value"},
        name_limits=(5, 50, _LETTERS),
    ),
    "containerregistry:ExportPipeline": ResourceMetadata(
        "2023-01-01-preview",
        f"{_REGISTRY}/exportPipelines/{{exportPipelineName}}",
        top=_PIPELINE_TOP,
        needs_location=True,
        name_limits=(5, 50, _LETTERS),
    ),
    "containerregistry:ImportPipeline": ResourceMetadata(
        "2023-01-01-preview",
        f"{_REGISTRY}/importPipelines/{{importPipelineName}}",
        top=_PIPELINE_TOP,
        needs_location=True,
        name_limits=(5, 50, _LETTERS),
    ),
    "containerregistry:PipelineRun": ResourceMetadata(
        "2024-11-01-preview", f"{_REGISTRY}/pipelineRuns/{{pipelineRunName}}", name_limits=(5, 50, _LETTERS)
    ),
    "storage:StorageAccount": ResourceMetadata(
        "2024-01-01",
        _ACCOUNT,
        naming="random",
        top=frozenset({"sku", "kind", "location", "identity", "tags", "extendedLocation"}),
        needs_location=True,
        replaces=frozenset({"location", "isHnsEnabled"}),
        renamed={
            "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
            "networkRuleSet": "networkAcls",
            "enableNfsV3": "isNfsV3Enabled",
        },
        name_limits=(3, 24, "^[a-z0-9]+$"),
        listed_ids=frozenset({"identity.userAssignedIdentities"}),
    ),
    "storage:BlobContainer": ResourceMetadata(
        "2024-01-01", f"{_ACCOUNT}/blobServices/default/containers/{{containerName}}", name_limits=(3, 63, "")
    ),
    "storage:BlobServiceProperties": ResourceMetadata(
        "2024-01-01", f"{_ACCOUNT}/blobServices/{{blobServicesName}}", singleton=True
    ),
    "storage:ManagementPolicy": ResourceMetadata(
        "2024-01-01", f"{_ACCOUNT}/managementPolicies/{{managementPolicyName}}"
    ),
    "keyvault:Vault": ResourceMetadata(
        "2024-11-01",
        _VAULT,
        naming="random",
        flat=False,
        needs_location=True,
        name_limits=(3, 24, "^[a-zA-Z0-9-]{3,24}$"),
    ),
    "keyvault:Secret": ResourceMetadata(
        "2024-11-01",
        f"{_VAULT}/secrets/{{secretName}}",
        flat=False,
        renamed={"properties.attributes.expires": "exp", "properties.attributes.notBefore": "nbf"},
        name_limits=(1, 127, "^[a-zA-Z0-9-]{1,127}$"),
    ),
    "managedidentity:UserAssignedIdentity": ResourceMetadata(
        "2023-01-31",
        f"{_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}",
        naming="random",
        top=frozenset({"location", "tags"}),
        needs_location=True,
        replaces=frozenset({"location"}),
    ),
    "authorization:RoleAssignment": ResourceMetadata(
        "2022-04-01",
        "/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        naming="uuid",
        replaces=frozenset({"principalId"}),
    ),
    "monitor:DiagnosticSetting": ResourceMetadata(
        "2021-05-01-preview",
        "/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        naming="random",
    ),
}
"""By token, without package and version."""
