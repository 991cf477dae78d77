"""The resource types that rules look at, whichever package of azure-native they come from."""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Kind:
    """A resource type under all its names."""

    pattern: str
    """A regular expression that fits each of them as a whole."""

    def matches(self, resource_type: str) -> bool:
        """Whether this is one of the type's names."""
        return _matches(self.pattern, resource_type)


@cache
def _matches(pattern: str, resource_type: str) -> bool:
    return re.fullmatch(pattern, resource_type) is not None


def azure(module: str, name: str) -> Kind:
    """Return a type of azure-native: of the default SDK, a versioned module, or a parameterized package.

    https://www.pulumi.com/registry/packages/azure-native/version-guide/
    """
    return Kind(rf"azure-native(_{module}_v\w+)?:{module}(/v\w+)?:{name}")


ANY = Kind(".*")
STACK = Kind("pulumi:pulumi:Stack")
REGISTRY = azure("containerregistry", "Registry")
EXPORT_PIPELINE = azure("containerregistry", "ExportPipeline")
IMPORT_PIPELINE = azure("containerregistry", "ImportPipeline")
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
