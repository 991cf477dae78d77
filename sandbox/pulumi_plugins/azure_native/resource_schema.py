"""Schemas of resource types by token: inputs, outputs and API version."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values

ACCESS_POLICY = "keyvault:AccessPolicy"
_ACCESS_MODES_SINCE = "2025-06-01-preview"
_WITHOUT_ACCESS_MODES = frozenset({"2025-09-01-preview", "2025-11-01"})
"""Versions with a later date that have no `storageAccessMode`."""


@dataclass(frozen=True)
class ResourceSchema:
    """One type in one API version."""

    type: str
    """`containerregistry:Registry`, for every package and version of the token."""

    metadata: ResourceMetadata
    inputs: Values
    """Input types by name, nested: a scalar's type, `[type]`, `{"*": type}` or an object.

    The name of a required input ends with `!`.
    """

    outputs: Values
    defaults: Values
    """The SDK's default values, by dotted path."""

    custom: bool = True
    """Whether the plugin's special handling applies (vault secrets); parameterized packages have none."""


class UnknownTypeError(ProviderError):
    """The stand-in does not support the type."""

    def __init__(self, token: str) -> None:
        super().__init__(f"the sandbox's stand-in for azure-native does not support the type {token}")


def resource_schema(token: str) -> ResourceSchema:
    """The schema of a token, in the API version of its module or package; raises UnknownTypeError."""
    type, version = parse(token)
    metadata, schema = RESOURCE_TYPES.get(type), sdk_schemas().get(type)
    if not metadata or not schema:
        raise UnknownTypeError(token)
    wanted = version or metadata.version
    inputs, outputs = _in_version(type, schema, wanted)
    custom = not token.startswith("azure-native_")
    return ResourceSchema(
        type, replace(metadata, version=wanted), inputs, outputs, schema["defaults"], custom
    )


def parse(token: str) -> tuple[str, str]:
    """`module:Name` and the token's API version, or an empty string.

    The version is in the module (`azure-native:storage/v20240101:StorageAccount`) or, for a package from
    `pulumi package add azure-native storage 2024-01-01`, in the package's name.
    """
    package, _, rest = token.partition(":")
    module, _, name = rest.partition(":")
    module, _, version = module.partition("/")
    return f"{module}:{name}", api_version(version or package.partition("_")[2].rpartition("_")[2])


def api_version(module_version: str) -> str:
    """`2025-06-01-preview` for `v20250601preview`; an empty string if the format is different."""
    found = re.fullmatch(r"v(\d{4})(\d\d)(\d\d)(\w*)", module_version)
    return "-".join(part for part in found.groups() if part) if found else ""


def _in_version(type: str, schema: Values, version: str) -> tuple[Values, Values]:
    ends = {"containerregistry:ExportPipeline": "target", "containerregistry:ImportPipeline": "source"}
    if type not in ends or version < _ACCESS_MODES_SINCE or version in _WITHOUT_ACCESS_MODES:
        return schema["inputs"], schema["outputs"]
    end, changed = ends[type], copy.deepcopy(schema)
    container: Any = changed["inputs"][f"{end}!"]
    container["keyVaultUri"] = container.pop("keyVaultUri!")
    container["storageAccessMode"] = changed["outputs"][end]["storageAccessMode"] = "string"
    return changed["inputs"], changed["outputs"]


@cache
def sdk_schemas() -> Values:
    """The schemas of the SDK by type (see sdk_schemas.py)."""
    read: Values = json.loads(Path(__file__).with_name("sdk_schemas.json").read_text())
    return read
