"""The validation of request bodies by JSON schemas (`request_schemas.json`), with Azure's rules.

Azure ignores the case of enumeration values and returns its own spelling; null means absent. Unknown fields
are accepted. The keyword `known` lists the values of an open enumeration: they get Azure's spelling, other
values are accepted.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError


def checked(body: Json, schema: Json) -> Json:
    """The body in Azure's spelling, without nulls; raises one AzureError with all faults."""
    body = _without_nulls(body)
    faults = sorted(_Validator(schema).iter_errors(body), key=lambda fault: fault.json_path)
    if faults:
        raise AzureError("InvalidRequestContent", reason=", ".join(_messages(faults)))
    spelled: Json = _spelled(body, schema)
    return spelled


def merged(old: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): null removes, objects are merged, other values replace."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merged(kept.get(key), value)
    return kept


def _caseless(_: Any, words: list[str], value: Any, __: Any) -> Iterator[ValidationError]:
    if not isinstance(value, str) or value.lower() not in {word.lower() for word in words}:
        yield ValidationError(f"{value!r} is not one of {', '.join(words)}")


_Validator: Any = validators.extend(Draft202012Validator, {"enum": _caseless})  # type: ignore[no-untyped-call]


def _messages(faults: list[ValidationError]) -> Iterator[str]:
    for fault in faults:
        place = fault.json_path.removeprefix("$").removeprefix(".")
        if fault.validator == "required":
            name = next(each for each in _names(fault) if f"'{each}' is" in fault.message)
            yield f"missing {place}.{name}" if place else f"missing {name}"
        elif fault.validator == "type":
            yield f"{place or 'the body'} must be of type {fault.validator_value}"
        else:
            yield f"{place}: {fault.message[:200]}"


def _names(fault: ValidationError) -> list[str]:
    return list(fault.validator_value) if isinstance(fault.validator_value, list) else []


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value


def _spelled(value: Any, schema: Json) -> Any:
    if isinstance(value, dict):
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        return {key: _spelled(each, fields.get(key, others)) for key, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each, schema.get("items", {})) for each in value]
    words = schema.get("enum") or schema.get("known") or ()
    if isinstance(value, str):
        return next((word for word in words if word.lower() == value.lower()), value)
    return value
