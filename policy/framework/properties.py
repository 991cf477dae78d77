"""Reading a resource's properties, of which a preview does not know all."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from pulumi_policy import proxy

from acr_transfer.model.credentials import quoted


class Absent(Enum):
    """Why there is no value."""

    MISSING = "missing"
    """Nobody has set it."""

    UNKNOWN = "unknown"
    """It is known after the deployment only."""


MISSING: Final = Absent.MISSING
UNKNOWN: Final = Absent.UNKNOWN

Value: TypeAlias = Any
"""Text, number, boolean, list or dictionary, or one of `Absent`; never a proxy of the SDK."""

_UNKNOWN_VALUES = {
    proxy.UNKNOWN_BOOLEAN_VALUE,
    proxy.UNKNOWN_NUMBER_VALUE,
    proxy.UNKNOWN_STRING_VALUE,
    proxy.UNKNOWN_ARRAY_VALUE,
    proxy.UNKNOWN_ASSET_VALUE,
    proxy.UNKNOWN_ARCHIVE_VALUE,
    proxy.UNKNOWN_OBJECT_VALUE,
}


def plain(value: Any) -> Value:
    """Return a copy to read that raises nothing: unknown values in it are `UNKNOWN`.

    It is not for giving back to the engine: a copy no longer says which of its values are secret.
    """
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_VALUES else value
    if isinstance(value, Mapping):
        return {key: _entry(value, key) for key in value}
    if isinstance(value, Sequence):
        return [_entry(value, index) for index in range(len(value))]
    return value


def _entry(holder: Any, key: Any) -> Value:
    try:
        return plain(holder[key])
    except proxy.UnknownValueError:
        return UNKNOWN
    except KeyError:
        return None


def peek(properties: Value, path: str) -> Value:
    """Return the value at a path such as `sku.name`; `MISSING` where nothing, or None, is there."""
    found = properties
    for key in path.split("."):
        if found is UNKNOWN:
            return UNKNOWN
        found = _entry(found, key) if isinstance(found, Mapping) else None
    return MISSING if found is None else found


def text(value: Value) -> str:
    """Return a text, or an empty one where there is none that is known."""
    return value if isinstance(value, str) else ""


def known_items(value: Value) -> list[Value]:
    """Return the items of a list that are known; none where there is no list."""
    return [item for item in value if item is not UNKNOWN] if isinstance(value, list) else []


def is_other(value: Value, *allowed: str) -> bool:
    """Whether a value is none of these texts, letter case aside; a missing one is none, an unknown may be."""
    return value is not UNKNOWN and text(value).lower() not in {each.lower() for each in allowed}


def shown(value: Value) -> str:
    """Return a value for a message; it must not be a secret."""
    return "not set" if value is MISSING else quoted(str(value))
