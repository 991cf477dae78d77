"""What Check fills in: a missing name and a missing location."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Autonaming
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values

_GROUP_VERSION = "2020-10-01"
_MARK = "__createBeforeDelete"


def named(
    kind: ResourceMetadata, name: str, old: Values, new: Values, seed: bytes, wish: Autonaming | None
) -> Values:
    """Inputs with a name: their own, the old one, what the engine wants, or one made by the type's rule.

    A name that nobody chose lets a replacement stand beside what it replaces, and carries a mark for it.
    """
    key = kind.name_input
    if key in new:
        return new
    if key in old:
        return {**new, **{kept: old[kept] for kept in (key, _MARK) if kept in old}}
    if wish and (wish.mode == "ENFORCE" or (wish.mode == "PROPOSE" and kind.naming != "uuid")):
        return {**new, key: wish.proposed, _MARK: True}
    if wish and wish.mode == "DISABLE":
        return new
    if kind.naming == "copy":
        return {**new, key: name}
    digest = hashlib.sha256(seed).digest()
    made = str(uuid.UUID(bytes=digest[:16], version=4)) if kind.naming == "uuid" else name + digest.hex()[:8]
    return {**new, key: made, _MARK: True}


@dataclass
class Locations:
    """Where a resource goes whose program does not say; groups are asked once."""

    arm: ArmClient
    config: Mapping[str, str]

    def __post_init__(self) -> None:
        self._groups: dict[str, str] = {}

    def of(self, old: Values, inputs: Values) -> Values:
        """The old one, the configured one, or the resource group's; none is left to the input_checks."""
        found = old.get("location") or self.config.get("location")
        group = inputs.get("resourceGroupName")
        if not found and group:
            found = UNKNOWN if group == UNKNOWN else self._group_location(str(group))
        return {"location": found} if found else {}

    def _group_location(self, group: str) -> str:
        """Silent where it cannot be read, as the plugin is."""
        if group not in self._groups:
            path = f"/subscriptions/{self.arm.subscription}/resourceGroups/{group}"
            try:
                found = self.arm.get(path, _GROUP_VERSION) or {}
            except ProviderError:
                return ""
            self._groups[group] = str(found.get("location", ""))
        return self._groups[group]
