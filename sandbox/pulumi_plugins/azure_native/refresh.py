"""What a refresh makes of a resource's inputs: changed only where two answers of Azure differ."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.protocol.values import Values, at


def inputs_after(known: ResourceSchema, inputs: Values, before: Values, now: Values) -> Values:
    """The inputs, with what changed between two states copied over.

    What Azure always spells its own way is in both states alike, and so never shows.
    """
    old, new = conversion.project(known, before), conversion.project(known, now)
    if known.short == "keyvault:Vault" and at(inputs, "properties.accessPolicies") is None:
        for state in (old, new):
            (state.get("properties") or {}).pop("accessPolicies", None)
    changed: Values = _copied(copy.deepcopy(inputs), old, new)
    return changed


def _copied(inputs: Any, old: Any, new: Any) -> Any:
    if old == new:
        return inputs
    if isinstance(old, dict) and isinstance(new, dict) and isinstance(inputs, dict):
        for key in {*old, *new}:
            if key not in new:
                inputs.pop(key, None)
            elif key not in old or key not in inputs:
                if old.get(key) != new[key]:
                    inputs[key] = new[key]
            else:
                inputs[key] = _copied(inputs[key], old[key], new[key])
        return inputs
    if (
        isinstance(old, list)
        and isinstance(new, list)
        and isinstance(inputs, list)
        and len(inputs) == len(old)
    ):
        shared = min(len(old), len(new))
        kept = [_copied(inputs[place], old[place], new[place]) for place in range(shared)]
        return [*kept, *new[shared:]]
    return new
