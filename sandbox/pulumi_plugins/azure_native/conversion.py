"""Converts between the SDK's properties and Azure's JSON: envelope, renamed properties, lists of IDs."""

from typing import Any, Literal

from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.azure_native.resource_types import ResourceMetadata
from sandbox.pulumi_plugins.protocol.values import Values, at

_COMMON_OUTPUTS = ("id", "name", "type")


def request_body(schema: ResourceSchema, inputs: Values) -> Values:
    """The request body: the inputs in the schema by Azure's names; other inputs are ignored."""
    metadata = schema.metadata
    unsent = {*metadata.path_inputs, "apiVersion"}
    sent = {key: value for key, value in inputs.items() if key not in unsent}
    content: Values = _convert(metadata, "request", schema.inputs, sent)
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
    found: Values = _convert(metadata, "state", shape, content)
    return {**found, "azureApiVersion": metadata.version}


def imported_inputs(schema: ResourceSchema, id: str, state: Values) -> Values:
    """Inputs that describe an existing resource; empty lists and objects are left out."""
    shown = {key: value for key, value in state.items() if key not in schema.metadata.path_inputs}
    found = {**input_part(schema, shown), **schema.metadata.path_values(id)}
    return {**found, "azureApiVersion": schema.metadata.version}


def input_part(schema: ResourceSchema, state: Values) -> Values:
    """The part of a state that can be inputs, in the form of inputs."""
    found: Values = _convert(schema.metadata, "inputs", schema.inputs, state)
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


def _convert(
    metadata: ResourceMetadata,
    form: Literal["request", "state", "inputs"],
    shape: Any,
    value: Any,
    path: str = "",
) -> Any:
    """The part of a value in its schema, in another form.

    A request has Azure's names. A state is read from Azure's names, without nulls; inputs are read from a
    state, without empty values.
    """
    if path.rstrip(".") in metadata.listed_ids:
        if form == "request" and isinstance(value, list):
            return {entry: {} for entry in value}
        if form == "inputs" and isinstance(value, dict):
            return sorted(value)
    if isinstance(shape, list) and isinstance(value, list):
        return [_convert(metadata, form, shape[0], entry, path) for entry in value]
    if not isinstance(shape, dict) or not isinstance(value, dict):
        return value
    found: Values = {}
    # A map's entries have one schema under the name `*`; the name of a required input ends with `!`.
    fields = dict.fromkeys(value, shape["*"]) if "*" in shape else shape
    for key, inner in ((name.rstrip("!"), inner) for name, inner in fields.items()):
        renamed = metadata.renamed.get(f"{path}{key}", key)
        before, after = {"request": (key, renamed), "state": (renamed, key), "inputs": (key, key)}[form]
        if before in value:
            found[after] = _convert(metadata, form, inner, value[before], f"{path}{key}.")
    left_out: tuple[Any, ...] = {"request": (), "state": (None,), "inputs": (None, {}, [])}[form]
    return {key: entry for key, entry in found.items() if entry not in left_out}
