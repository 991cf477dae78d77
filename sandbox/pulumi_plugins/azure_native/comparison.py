"""Compares inputs for a diff, and states for a refresh, as the plugin does."""

import copy
from typing import Any

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.protocol.values import Values, at, changes


def input_changes(old: Values, new: Values) -> dict[str, str]:
    """Path to ADD, UPDATE or DELETE; the case of a group and the spelling of a location are ignored."""

    def comparable(inputs: Values) -> Values:
        spelled = {key: str(inputs[key]) for key in ("resourceGroupName", "location") if key in inputs}
        return {**inputs, **{key: value.lower().replace(" ", "") for key, value in spelled.items()}}

    return dict(changes(comparable(old), comparable(new)))


def refreshed_inputs(schema: ResourceSchema, inputs: Values, before: Values, now: Values) -> Values:
    """The inputs with the differences between two states applied.

    Azure's own spelling of a value is in both states, so it is not a difference.
    """
    old, new = conversion.input_part(schema, before), conversion.input_part(schema, now)
    if schema.type == "keyvault:Vault" and at(inputs, "properties.accessPolicies") is None:
        for state in (old, new):
            (state.get("properties") or {}).pop("accessPolicies", None)
    changed: Values = _apply(copy.deepcopy(inputs), old, new)
    return changed


def _apply(inputs: Any, old: Any, new: Any) -> Any:
    if old == new:
        return inputs
    if all(isinstance(each, dict) for each in (old, new, inputs)):
        for key in {*old, *new}:
            if key not in new:
                inputs.pop(key, None)
            elif key in old and key in inputs:
                inputs[key] = _apply(inputs[key], old[key], new[key])
            elif old.get(key) != new[key]:
                inputs[key] = new[key]
        return inputs
    if all(isinstance(each, list) for each in (old, new, inputs)) and len(inputs) == len(old):
        kept = [_apply(*entries) for entries in zip(inputs, old, new, strict=False)]
        return [*kept, *new[len(kept) :]]
    return new
