"""The resource types that rules check, in every package of azure-native."""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class TypePattern:
    """All names of one resource type."""

    pattern: str
    """A regular expression that matches each name completely."""

    def matches(self, resource_type: str) -> bool:
        """Whether this is one of the type's names."""
        return _matches(self.pattern, resource_type)


@cache
def _matches(pattern: str, resource_type: str) -> bool:
    return re.fullmatch(pattern, resource_type) is not None


def azure(module: str, name: str) -> TypePattern:
    """Return a type of azure-native: of the default SDK, a versioned module, or a parameterized package.

    https://www.pulumi.com/registry/packages/azure-native/version-guide/
    """
    return TypePattern(rf"azure-native(_{module}_v\w+)?:{module}(/v\w+)?:{name}")


ANY = TypePattern(".*")
STACK = TypePattern("pulumi:pulumi:Stack")
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
