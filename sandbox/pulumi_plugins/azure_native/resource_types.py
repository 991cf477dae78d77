"""The supported resource types of azure-native, listed in resource_types.json.

keyvault:AccessPolicy is not an Azure resource; see access_policy.py.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values

_PATHS = {"scope", "resourceUri", "parentResourcePath", "resourceType"}
"""Path inputs that are paths themselves: stripped of outer slashes and not escaped."""


@dataclass(frozen=True)
class ResourceMetadata:
    """One resource type."""

    version: str
    """The default API version, which is an input in the state."""

    path: str
    naming: str = "copy"
    """The rule for a missing name: `copy` of the Pulumi name, `random` (with eight hex digits), or `uuid`."""

    top: Sequence[str] = ()
    """Inputs at the top level of the request; the others are in `properties`."""

    flat: bool = True
    """Whether `properties` is flattened; vaults, secrets and generic resources have it as one input."""

    needs_location: bool = False
    replaces: Sequence[str] = ()
    """Inputs outside the path whose change replaces the resource."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Inputs with another name in Azure, by dotted path; the value is the new last part."""

    name_limits: Sequence[Any] = ()
    """Minimum and maximum length of the name, and its pattern."""

    singleton: bool = False
    """Whether the resource always exists: create adopts it, delete resets it."""

    listed_ids: Sequence[str] = ()
    """Inputs, by dotted path, that are lists of IDs in the SDK and objects with these keys in Azure."""

    @property
    def path_inputs(self) -> list[str]:
        """Inputs in the path, without the subscription."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @property
    def name_input(self) -> str:
        """The input that is the resource's name."""
        return self.path_inputs[-1]

    def id(self, subscription: str, inputs: Values) -> str:
        """The resource's ID, or an empty string while an input of its path is unknown."""
        parts = {name: inputs.get(name, UNKNOWN) for name in self.path_inputs}
        if UNKNOWN in parts.values():
            return ""
        spelled = {name: _spelled(name, value) for name, value in parts.items()}
        return re.sub("/{2,}", "/", self.path.format(subscriptionId=subscription, **spelled))

    def path_values(self, id: str) -> Values:
        """The path's inputs in an ID; empty for an ID of another type."""
        pattern = re.sub(r"\\{(\w+)\\}", lambda part: _pattern(part.group(1)), re.escape(self.path))
        found = re.fullmatch(pattern, id, re.IGNORECASE)
        return {name: found.group(name) or "" for name in self.path_inputs} if found else {}

    def request_version(self, inputs: Values) -> str:
        """The API version of requests with these inputs."""
        return str(inputs["apiVersion"]) if "apiVersion" in inputs else self.version


RESOURCE_TYPES = {
    token: ResourceMetadata(**metadata)
    for token, metadata in json.loads(Path(__file__).with_name("resource_types.json").read_text()).items()
}
"""By token, without package and version."""


def _spelled(name: str, value: object) -> str:
    return str(value).strip("/") if name in _PATHS else quote(str(value), safe="")


def _pattern(name: str) -> str:
    if name in ("resourceUri", "scope"):
        return f"(?P<{name}>.+)"
    if name == "parentResourcePath":
        return f"(?P<{name}>(?:[^/]+/[^/]+/)*?[^/]+/[^/]+|)"
    return f"(?P<{name}>[^/]+)"
