"""What a request's body may be: JSON schemas in few words, and the check that Azure makes by them.

Azure matches the words of an enumeration whatever their case and writes its own spelling; null means absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

TEXT: Json = {"type": "string"}
TRUTH: Json = {"type": "boolean"}
NUMBER: Json = {"type": "integer"}
ANYTHING: Json = {}


def record(*required: str, **fields: Json) -> Json:
    """An object: its known fields, and which of them must be there. Others are let in, as by Azure."""
    return {"type": "object", "properties": fields, "required": list(required)}


def listed(item: Json) -> Json:
    """A list."""
    return {"type": "array", "items": item}


def mapped(value: Json) -> Json:
    """An object whose keys are anybody's."""
    return {"type": "object", "additionalProperties": value}


def choice(*words: str) -> Json:
    """One of a few words."""
    return {"type": "string", "enum": list(words)}


def usual(*words: str) -> Json:
    """A word of an open list: known ones get Azure's spelling, others pass."""
    return {"type": "string", "known": list(words)}


TAGS = mapped(TEXT)


def resource(*required: str, **fields: Json) -> Json:
    """The body of a tracked resource."""
    return record(*required, location=TEXT, tags=TAGS, **fields)


def checked(body: Json, shape: Json) -> Json:
    """The body in Azure's spelling, without nulls; one error names all that is wrong with it."""
    body = _without_nulls(body)
    faults = sorted(_FITS(shape).iter_errors(body), key=lambda fault: fault.json_path)
    if faults:
        raise AzureError("InvalidRequestContent", reason=", ".join(_said(faults)))
    spelled: Json = _spelled(body, shape)
    return spelled


def merged(old: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396): null takes away, objects are merged, all else replaces."""
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
        yield ValidationError(f"{value!r} is none of {', '.join(words)}")


_FITS: Any = validators.extend(Draft202012Validator, {"enum": _caseless})  # type: ignore[no-untyped-call]


def _said(faults: list[ValidationError]) -> Iterator[str]:
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


def _spelled(value: Any, shape: Json) -> Any:
    if isinstance(value, dict):
        fields, others = shape.get("properties", {}), shape.get("additionalProperties", {})
        return {key: _spelled(each, fields.get(key, others)) for key, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each, shape.get("items", {})) for each in value]
    words = shape.get("enum") or shape.get("known") or ()
    if isinstance(value, str):
        return next((word for word in words if word.lower() == value.lower()), value)
    return value
