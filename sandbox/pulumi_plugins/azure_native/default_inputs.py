"""Defaults that Check adds to inputs: the resource's name and location."""

import hashlib
import uuid
from collections.abc import Mapping

from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.resource_types import ResourceMetadata
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values

_GROUP_VERSION = "2020-10-01"
_CREATE_FIRST = "__createBeforeDelete"


def with_name(metadata: ResourceMetadata, name: str, old: Values, new: Values, seed: bytes) -> Values:
    """Inputs with a name: given, previous, or by the type's naming rule.

    A generated name is marked: its replacement can be created before the old resource is deleted.
    """
    key = metadata.name_input
    if key in new:
        return new
    if key in old:
        return {**new, **{kept: old[kept] for kept in (key, _CREATE_FIRST) if kept in old}}
    if metadata.naming == "copy":
        return {**new, key: name}
    digest = hashlib.sha256(seed).digest()
    random = str(uuid.UUID(bytes=digest[:16], version=4)) if metadata.naming == "uuid" else ""
    return {**new, key: random or name + digest.hex()[:8], _CREATE_FIRST: True}


class DefaultLocations:
    """Default locations of resources; the location of a resource group is read once."""

    def __init__(self, azure: AzureClient, config: Mapping[str, str]) -> None:
        self._azure, self._config = azure, config
        self._groups: dict[str, str] = {}

    def default(self, old: Values, inputs: Values) -> Values:
        """The previous location, the configured one, or the resource group's; empty if there is none."""
        found = old.get("location") or self._config.get("location")
        group = inputs.get("resourceGroupName")
        if not found and group:
            found = UNKNOWN if group == UNKNOWN else self._group_location(str(group))
        return {"location": found} if found else {}

    def _group_location(self, group: str) -> str:
        """Empty if the group cannot be read, as in the plugin."""
        if group not in self._groups:
            path = f"/subscriptions/{self._azure.subscription}/resourceGroups/{group}"
            try:
                found = self._azure.find(path, _GROUP_VERSION) or {}
            except ProviderError:
                return ""
            self._groups[group] = str(found.get("location", ""))
        return self._groups[group]
