"""Access to a resource's properties; a preview does not know all of them."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from pulumi_policy import proxy

from acr_transfer.model.credentials import quoted


class NoValue(Enum):
    """The reason for a missing value."""

    MISSING = "missing"
    """The property is not set."""

    UNKNOWN = "unknown"
    """The value is known only after the deployment."""


MISSING: Final = NoValue.MISSING
UNKNOWN: Final = NoValue.UNKNOWN

Value: TypeAlias = Any
"""Text, number, boolean, list or dictionary, or a `NoValue`; never a proxy of the SDK."""

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
    """Return a copy whose access raises nothing: unknown values in it are `UNKNOWN`.

    Do not return it to the engine: a copy loses which of its values are secret.
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
    """Return the value at a path such as `sku.name`; `MISSING` for no value and for None."""
    found = properties
    for key in path.split("."):
        if found is UNKNOWN:
            return UNKNOWN
        found = _entry(found, key) if isinstance(found, Mapping) else None
    return MISSING if found is None else found


def text(value: Value) -> str:
    """Return a text; any other value, a missing and an unknown one give an empty text."""
    return value if isinstance(value, str) else ""


def known_items(value: Value) -> list[Value]:
    """Return the known items of a list; any other value gives no items."""
    return [item for item in value if item is not UNKNOWN] if isinstance(value, list) else []


def is_other(value: Value, *allowed: str) -> bool:
    """Whether a value differs from these texts in any letter case; a missing one does, an unknown may not."""
    return value is not UNKNOWN and text(value).lower() not in {each.lower() for each in allowed}


def shown(value: Value) -> str:
    """Return a value for a message; it must not be a secret."""
    return "not set" if value is MISSING else quoted(str(value))
