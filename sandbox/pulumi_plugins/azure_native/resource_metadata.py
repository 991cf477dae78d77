"""What a resource type of azure-native is made of: its place, the parts of its requests, its name's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values

_WHOLE_PATHS = {"scope", "resourceUri", "parentResourcePath", "resourceType"}
"""Path inputs that hold paths themselves: they lose slashes at their ends and are not escaped."""


@dataclass(frozen=True)
class ResourceMetadata:
    """One resource type: where it lives, which of its inputs go where in a request."""

    version: str
    """The default API version, which is an input in state."""

    path: str
    naming: str = "copy"
    """How a missing name is made: `copy` of the Pulumi name; `random`, that and eight hex digits; `uuid`."""

    top: frozenset[str] = frozenset()
    """Inputs at the top level of the request; the others go under `properties`."""

    flat: bool = True
    """Whether `properties` is flattened; vaults, secrets and generic resources keep it as one input."""

    needs_location: bool = False
    replaces: frozenset[str] = frozenset()
    """Inputs besides those of the path whose change makes the resource anew."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Inputs that Azure calls otherwise, by dotted path: the last part is what changes."""

    limits: tuple[int, int, str] | None = None
    """Shortest and longest name, and its pattern."""

    singleton: bool = False
    """Whether it is always there: a create takes it over, a delete empties it."""

    listed_ids: frozenset[str] = frozenset()
    """Inputs, by dotted path, that are lists of IDs here and objects with those keys on the wire."""

    @property
    def path_inputs(self) -> list[str]:
        """Inputs that the path is made of, without the subscription."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @property
    def name_input(self) -> str:
        """The input that names the resource itself."""
        return self.path_inputs[-1]

    def id(self, subscription: str, inputs: Values) -> str:
        """The resource's ID, or nothing while an input of its path is unknown."""
        parts = {name: inputs.get(name, UNKNOWN) for name in self.path_inputs}
        if UNKNOWN in parts.values():
            return ""
        spelled = {name: _spelled(name, value) for name, value in parts.items()}
        return re.sub("/{2,}", "/", self.path.format(subscriptionId=subscription, **spelled))

    def names(self, id: str) -> Values:
        """The path's inputs as an ID has them, for a resource that no program has described yet."""
        pattern = re.sub(r"\\{(\w+)\\}", lambda part: _pattern(part.group(1)), re.escape(self.path))
        found = re.fullmatch(pattern, id, re.IGNORECASE)
        return {name: found.group(name) or "" for name in self.path_inputs} if found else {}

    def request_version(self, inputs: Values) -> str:
        """The API version that a request with these inputs is sent with."""
        return str(inputs["apiVersion"]) if "apiVersion" in inputs else self.version


def _spelled(name: str, value: object) -> str:
    return str(value).strip("/") if name in _WHOLE_PATHS else quote(str(value), safe="")


def _pattern(name: str) -> str:
    if name == "resourceUri" or name == "scope":
        return f"(?P<{name}>.+)"
    if name == "parentResourcePath":
        return f"(?P<{name}>(?:[^/]+/[^/]+/)*?[^/]+/[^/]+|)"
    return f"(?P<{name}>[^/]+)"
