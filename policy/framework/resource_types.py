"""The resource types that rules check, in every package of azure-native."""

import re
from typing import TypeAlias

TypePattern: TypeAlias = re.Pattern[str]
"""Matches each name of one resource type completely."""


def azure(module: str, name: str) -> TypePattern:
    """Return a type of azure-native: of the default SDK, a versioned module, or a parameterized package.

    https://www.pulumi.com/registry/packages/azure-native/version-guide/
    """
    return re.compile(rf"azure-native(_{module}_v\w+)?:{module}(/v\w+)?:{name}")


ANY = re.compile(".*")
STACK = re.compile("pulumi:pulumi:Stack")
REGISTRY = azure("containerregistry", "Registry")
EXPORT_PIPELINE = azure("containerregistry", "ExportPipeline")
IMPORT_PIPELINE = azure("containerregistry", "ImportPipeline")
PIPELINES = (EXPORT_PIPELINE, IMPORT_PIPELINE)
PIPELINE_RUN = azure("containerregistry", "PipelineRun")
STORAGE_ACCOUNT = azure("storage", "StorageAccount")
BLOB_CONTAINER = azure("storage", "BlobContainer")
BLOB_SERVICE = azure("storage", "BlobServiceProperties")
MANAGEMENT_POLICY = azure("storage", "ManagementPolicy")
VAULT = azure("keyvault", "Vault")
SECRET = azure("keyvault", "Secret")
ACCESS_POLICY = azure("keyvault", "AccessPolicy")
ROLE_ASSIGNMENT = azure("authorization", "RoleAssignment")
USER_IDENTITY = azure("managedidentity", "UserAssignedIdentity")
DIAGNOSTIC_SETTING = azure("(?:monitor|insights)", "DiagnosticSetting")

NAME_PROPERTIES = {
    REGISTRY: "registryName",
    EXPORT_PIPELINE: "exportPipelineName",
    IMPORT_PIPELINE: "importPipelineName",
    PIPELINE_RUN: "pipelineRunName",
    STORAGE_ACCOUNT: "accountName",
    BLOB_CONTAINER: "containerName",
    VAULT: "vaultName",
    SECRET: "secretName",
}
"""The inputs that hold a resource's name in Azure; its outputs hold it in `name`."""
