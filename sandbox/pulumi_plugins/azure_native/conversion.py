"""Converts between the SDK's properties and Azure's JSON: envelope, renamed properties, lists of IDs."""

from __future__ import annotations

from typing import Any

from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.protocol.values import Values, at

_COMMON_OUTPUTS = ("id", "name", "type")


def request_body(schema: ResourceSchema, inputs: Values) -> Values:
    """The request body: the inputs in the schema by Azure's names; other inputs are ignored."""
    metadata = schema.metadata
    unsent = {*metadata.path_inputs, "apiVersion"}
    sent = {key: value for key, value in inputs.items() if key not in unsent}
    content: Values = _to_azure(metadata, schema.inputs, sent)
    if not metadata.flat:
        return content
    top = {key: value for key, value in content.items() if key in metadata.top}
    return {**top, "properties": {key: value for key, value in content.items() if key not in metadata.top}}


def outputs(schema: ResourceSchema, response: Values) -> Values:
    """The state of a response: flattened, by the SDK's names, without nulls and unknown properties."""
    metadata = schema.metadata
    inner = response.get("properties") if metadata.flat else None
    envelope = {key: value for key, value in response.items() if not (metadata.flat and key == "properties")}
    content = {**envelope, **inner} if isinstance(inner, dict) else envelope
    shape = {**schema.outputs, **dict.fromkeys(_COMMON_OUTPUTS, "string")}
    found: Values = _from_azure(metadata, shape, content)
    return {**found, "azureApiVersion": metadata.version}


def imported_inputs(schema: ResourceSchema, id: str, state: Values) -> Values:
    """Inputs that describe an existing resource; empty lists and objects are left out."""
    shown = {key: value for key, value in state.items() if key not in schema.metadata.path_inputs}
    found = {**input_part(schema, shown), **schema.metadata.path_values(id)}
    return {**found, "azureApiVersion": schema.metadata.version}


def input_part(schema: ResourceSchema, state: Values) -> Values:
    """The part of a state that can be inputs, in the form of inputs."""
    found: Values = _input_part(schema.metadata, schema.inputs, state)
    return found


def remove_identities(schema: ResourceSchema, body: Values, old: Values, new: Values) -> str:
    """Set removed identities to null in the body; returns the method, which that changes to PATCH."""
    method = "PUT"
    for path in schema.metadata.listed_ids:
        removed = [id for id in at(old, path) or [] if id not in (at(new, path) or [])]
        head, _, key = path.partition(".")
        if removed and at(new, head) is not None:
            body[head].setdefault(key, {}).update(dict.fromkeys(removed))
            method = "PATCH"
    return method


def _fields(shape: Values, value: Values) -> Values:
    """The schemas of an object's fields or of a map's entries, by plain name."""
    if "*" in shape:
        return dict.fromkeys(value, shape["*"])
    return {key.rstrip("!"): inner for key, inner in shape.items()}


def _to_azure(metadata: ResourceMetadata, shape: Any, value: Any, path: str = "") -> Any:
    if isinstance(shape, dict) and isinstance(value, dict):
        fields = _fields(shape, value)
        return {
            metadata.renamed.get(f"{path}{key}", key): _to_azure(
                metadata, fields[key], entry, f"{path}{key}."
            )
            for key, entry in value.items()
            if key in fields
        }
    if isinstance(shape, list) and isinstance(value, list):
        if path.rstrip(".") in metadata.listed_ids:
            return {entry: {} for entry in value}
        return [_to_azure(metadata, shape[0], entry, path) for entry in value]
    return value


def _from_azure(metadata: ResourceMetadata, shape: Any, value: Any, path: str = "") -> Any:
    if isinstance(shape, dict) and isinstance(value, dict):
        fields = _fields(shape, value)
        found = {key: value.get(metadata.renamed.get(f"{path}{key}", key)) for key in fields}
        return {
            key: _from_azure(metadata, fields[key], entry, f"{path}{key}.")
            for key, entry in found.items()
            if entry is not None
        }
    if isinstance(shape, list) and isinstance(value, list):
        return [_from_azure(metadata, shape[0], entry, path) for entry in value]
    return value


def _input_part(metadata: ResourceMetadata, shape: Any, value: Any, path: str = "") -> Any:
    if isinstance(shape, list) and isinstance(value, dict) and path.rstrip(".") in metadata.listed_ids:
        return sorted(value)
    if isinstance(shape, dict) and isinstance(value, dict):
        fields = _fields(shape, value)
        parts = {
            key: _input_part(metadata, fields[key], value[key], f"{path}{key}.")
            for key in fields
            if key in value
        }
        return {key: entry for key, entry in parts.items() if entry not in ({}, [], None)}
    if isinstance(shape, list) and isinstance(value, list):
        return [_input_part(metadata, shape[0], entry, path) for entry in value]
    return value
