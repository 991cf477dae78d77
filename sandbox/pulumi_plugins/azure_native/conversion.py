"""Between the SDK's spelling of a resource and Azure's: the envelope, renamed properties, lists of IDs."""

from __future__ import annotations

from typing import Any

from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.protocol.values import Values, at

_OF_EVERY_ANSWER = ("id", "name", "type")


def body(known: ResourceSchema, inputs: Values) -> Values:
    """The request: what the type knows of the inputs, by Azure's names; the rest is left out silently."""
    kind = known.kind
    unsent = {*kind.path_inputs, "apiVersion"}
    sent = {key: value for key, value in inputs.items() if key not in unsent}
    content: Values = _to_wire(kind, _object(known.inputs), sent, "")
    if not kind.flat:
        return content
    top = {key: value for key, value in content.items() if key in kind.top}
    return {**top, "properties": {key: value for key, value in content.items() if key not in kind.top}}


def outputs(known: ResourceSchema, answer: Values) -> Values:
    """State from an answer: flattened, by the SDK's names, without nulls and what the type does not know."""
    kind = known.kind
    inner = answer.get("properties") if kind.flat else None
    envelope = {key: value for key, value in answer.items() if not (kind.flat and key == "properties")}
    content = {**envelope, **inner} if isinstance(inner, dict) else envelope
    shape = {**known.outputs, **dict.fromkeys(_OF_EVERY_ANSWER, "string")}
    found: Values = _from_wire(kind, shape, content, "")
    return {**found, "azureApiVersion": kind.version}


def inputs(known: ResourceSchema, id: str, state: Values) -> Values:
    """Inputs as a program would have written them for what is there; empty lists and objects are left out."""
    shown = {key: value for key, value in state.items() if key not in known.kind.path_inputs}
    found = {**project(known, shown), **known.kind.names(id)}
    return {**found, "azureApiVersion": known.kind.version}


def project(known: ResourceSchema, state: Values) -> Values:
    """What of a state could be an input, in an input's form."""
    found: Values = _projected(known.kind, _object(known.inputs), state, "")
    return found


def without_identities(known: ResourceSchema, body: Values, old: Values, new: Values) -> str:
    """The method of an update. Identities taken off a list are sent as null, and that makes it a PATCH."""
    method = "PUT"
    for path in known.kind.listed_ids:
        gone = [id for id in at(old, path) or [] if id not in (at(new, path) or [])]
        if gone and at(new, path.partition(".")[0]) is not None:
            head, _, key = path.partition(".")
            body[head].setdefault(key, {}).update(dict.fromkeys(gone))
            method = "PATCH"
    return method


def _object(shape: Values) -> Values:
    """Shapes by plain name, without the mark of what is required."""
    return {key.rstrip("!"): value for key, value in shape.items()}


def _to_wire(kind: ResourceMetadata, shape: Any, value: Any, path: str) -> Any:
    if isinstance(shape, dict) and isinstance(value, dict):
        if "*" in shape:
            return {key: _to_wire(kind, shape["*"], entry, path) for key, entry in value.items()}
        inner = _object(shape)
        kept = [(key, f"{path}{key}", entry) for key, entry in value.items() if key in inner]
        return {
            kind.renamed.get(place, key): _to_wire(kind, inner[key], entry, f"{place}.")
            for key, place, entry in kept
        }
    if isinstance(shape, list) and isinstance(value, list):
        if path.rstrip(".") in kind.listed_ids:
            return {entry: {} for entry in value}
        return [_to_wire(kind, shape[0], entry, path) for entry in value]
    return value


def _from_wire(kind: ResourceMetadata, shape: Any, value: Any, path: str) -> Any:
    if isinstance(shape, dict) and isinstance(value, dict):
        if "*" in shape:
            return {key: _from_wire(kind, shape["*"], entry, path) for key, entry in value.items()}
        found = {}
        for key, inner in _object(shape).items():
            entry = value.get(kind.renamed.get(f"{path}{key}", key))
            if entry is not None:
                found[key] = _from_wire(kind, inner, entry, f"{path}{key}.")
        return found
    if isinstance(shape, list) and isinstance(value, list):
        return [_from_wire(kind, shape[0], entry, path) for entry in value]
    return value


def _projected(kind: ResourceMetadata, shape: Any, value: Any, path: str) -> Any:
    if isinstance(shape, list) and isinstance(value, dict) and path.rstrip(".") in kind.listed_ids:
        return sorted(value)
    if isinstance(shape, dict) and isinstance(value, dict):
        inner = dict.fromkeys(value, shape["*"]) if "*" in shape else _object(shape)
        pairs = (
            (key, _projected(kind, inner[key], value[key], f"{path}{key}.")) for key in inner if key in value
        )
        return {key: entry for key, entry in pairs if entry not in ({}, [], None)}
    if isinstance(shape, list) and isinstance(value, list):
        return [_projected(kind, shape[0], entry, path) for entry in value]
    return value
