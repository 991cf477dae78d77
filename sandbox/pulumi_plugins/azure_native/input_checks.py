"""The plugin's own check of inputs, with its messages; unknown values are accepted."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values

_LOCATION = (
    ". Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'."
)


def faults(schema: ResourceSchema, inputs: Values) -> list[str]:
    """All faults. An enum accepts any string, and the entries of maps are not checked."""
    found = [*_object(schema.inputs, inputs, ""), *_name(schema, inputs)]
    if schema.metadata.needs_location and inputs.get("location") is None:
        found.append(f"missing required property 'location'{_LOCATION}")
    return found


def missing(shape: Values, inputs: Values) -> list[str]:
    """The missing top-level properties, for the one type whose inputs are not checked further."""
    return list(_object(dict.fromkeys(shape, "any"), inputs, ""))


def _object(shape: Values, value: Values, path: str) -> Iterator[str]:
    for key, inner in shape.items():
        name = key.rstrip("!")
        place = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            yield from _value(inner, value[name], place)
        elif key.endswith("!"):
            yield f"missing required property '{place}'"


def _value(shape: Any, value: Any, place: str) -> Iterator[str]:
    wanted = _type_of(shape)
    if value == UNKNOWN or wanted == "any" or isinstance(value, bool):
        return
    if isinstance(value, dict):
        if wanted == "object" and "*" not in shape:
            yield from _object(shape, value, place)
    elif isinstance(value, list):
        if wanted != "array":
            yield f"'{place}' should be of type '{wanted}' but got an array"
        else:
            for position, entry in enumerate(value):
                yield from _value(shape[0], entry, f"{place}[{position}]")
    elif isinstance(value, str) and wanted != "string":
        yield f"'{place}' should be of type '{wanted}' but got a string"
    elif isinstance(value, int | float) and wanted not in ("integer", "number"):
        yield f"'{place}' should be of type '{wanted}' but got a number"
    elif isinstance(value, float) and wanted == "integer":
        yield f"'{place}' must be an integer but got {value:f}"


def _type_of(shape: Any) -> str:
    if isinstance(shape, str):
        return shape
    return "array" if isinstance(shape, list) else "object"


def _name(schema: ResourceSchema, inputs: Values) -> Iterator[str]:
    key, limits = schema.metadata.name_input, schema.metadata.name_limits
    name = inputs.get(key)
    if not limits or not isinstance(name, str) or name == UNKNOWN:
        return
    shortest, longest, pattern = limits
    if len(name) < shortest:
        yield f"'{key}' is too short ({len(name)}): at least {shortest} characters required"
    if len(name) > longest:
        yield f"'{key}' is too long ({len(name)}): at most {longest} characters allowed"
    if pattern and not re.search(pattern, name):
        yield f"'{key}' does not match expression '{pattern}'"
