"""Property values of the provider protocol: conversion, unknown values and differences."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The protocol's placeholder for a value that is not known yet."""

Values = dict[str, Any]


def values(message: struct_pb2.Struct) -> Values:
    """Plain values of a message; whole numbers become integers."""
    return {key: _plain(value) for key, value in json_format.MessageToDict(message).items()}


def struct(content: Mapping[str, Any]) -> struct_pb2.Struct:
    """A message of plain values."""
    message = struct_pb2.Struct()
    message.update(dict(content))
    return message


def known(value: Any) -> bool:
    """Whether a value contains no unknown value."""
    if isinstance(value, dict):
        return all(known(entry) for entry in value.values())
    if isinstance(value, list):
        return all(known(entry) for entry in value)
    return bool(value != UNKNOWN)


def changes(old: Any, new: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """Paths of differences with ADD, UPDATE or DELETE; keys that begin with `__` are ignored."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = _positions(old), _positions(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(key for key in {*old, *new} if not key.startswith("__")):
            inner = f"{path}.{key}" if path and not key.startswith("[") else f"{path}{key}"
            if key in old and key in new:
                yield from changes(old[key], new[key], inner)
            else:
                yield inner, "ADD" if key in new else "DELETE"
    elif old != new:
        yield path, "UPDATE"


def _positions(entries: list[Any]) -> Values:
    return {f"[{position}]": entry for position, entry in enumerate(entries)}


def at(content: Any, path: str) -> Any:
    """The value at a dotted path, or None."""
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
