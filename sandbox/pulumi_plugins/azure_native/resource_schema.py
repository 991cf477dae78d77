"""From a token to what the stand-in knows of it: kind, shapes and API version."""

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
from sandbox.pulumi_plugins.protocol.values import Values

POLICY = "keyvault:AccessPolicy"
MODES_SINCE = "2025-06-01-preview"
MODELESS = frozenset({"2025-09-01-preview", "2025-11-01"})
"""Versions of the older family: later by date, without `storageAccessMode`."""


@dataclass(frozen=True)
class ResourceSchema:
    """One type in one API version."""

    short: str
    """`containerregistry:Registry`, whatever package and version the token named."""

    kind: ResourceMetadata
    inputs: Values
    """Shapes of the inputs by name, nested: a scalar's type, `[shape]`, `{"*": shape}` or an object.

    A required one's name ends with `!`.
    """

    outputs: Values
    defaults: Values
    """What the SDK writes where a program says nothing, by dotted path."""

    custom: bool = True
    """Whether the plugin's own handling applies (vault secrets); a parameterized package has none."""


class UnknownTokenError(LookupError):
    """No such type or function in this stand-in."""


def resource_type(token: str) -> ResourceSchema:
    """The type that a token names, in the version that it, its package or the default says."""
    short, version = parsed(token)
    kind, shape = RESOURCE_TYPES.get(short), _shapes().get(short)
    if not kind or not shape:
        raise UnknownTokenError(token)
    wanted = version or kind.version
    inputs, outputs = _in_version(short, shape, wanted)
    custom = not token.startswith("azure-native_")
    return ResourceSchema(short, replace(kind, version=wanted), inputs, outputs, shape["defaults"], custom)


def parsed(token: str) -> tuple[str, str]:
    """`module:Name` and the API version that the token names, or nothing.

    It stands in the module (`azure-native:storage/v20240101:StorageAccount`) or, in a package made with
    `pulumi package add azure-native storage 2024-01-01`, in the package's name.
    """
    package, _, rest = token.partition(":")
    module, _, name = rest.partition(":")
    module, _, version = module.partition("/")
    return f"{module}:{name}", api_version(version or package.partition("_")[2].rpartition("_")[2])


def api_version(written: str) -> str:
    """`v20250601preview` as `2025-06-01-preview`; nothing where it is not written so."""
    found = re.fullmatch(r"v(\d{4})(\d\d)(\d\d)(\w*)", written)
    return "-".join(part for part in found.groups() if part) if found else ""


def policy_inputs() -> Values:
    """Shapes of the inputs of keyvault:AccessPolicy."""
    inputs: Values = _shapes()[POLICY]["inputs"]
    return inputs


def _in_version(short: str, shape: Values, version: str) -> tuple[Values, Values]:
    end = {"containerregistry:ExportPipeline": "target", "containerregistry:ImportPipeline": "source"}.get(
        short
    )
    if not end or version < MODES_SINCE or version in MODELESS:
        return shape["inputs"], shape["outputs"]
    changed: Any = copy.deepcopy(shape)
    place = changed["inputs"][f"{end}!"]
    place["keyVaultUri"] = place.pop("keyVaultUri!")
    place["storageAccessMode"] = changed["outputs"][end]["storageAccessMode"] = "string"
    return changed["inputs"], changed["outputs"]


@cache
def _shapes() -> Values:
    read: Values = json.loads(Path(__file__).with_name("sdk_schemas.json").read_text())
    return read
