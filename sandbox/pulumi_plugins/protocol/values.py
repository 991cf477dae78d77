"""Plain values of the engine's protocol: unknown ones, messages, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the protocol writes a value that is not known yet."""

Values = dict[str, Any]


def values(message: struct_pb2.Struct) -> Values:
    """Plain values of a message; whole numbers are integers again."""
    return {key: _whole(value) for key, value in json_format.MessageToDict(message).items()}


def struct(content: Mapping[str, Any]) -> struct_pb2.Struct:
    """A message of plain values."""
    message = struct_pb2.Struct()
    message.update(dict(content))
    return message


def known(value: Any) -> bool:
    """Whether nothing in a value is unknown."""
    if isinstance(value, dict):
        return all(known(entry) for entry in value.values())
    if isinstance(value, list):
        return all(known(entry) for entry in value)
    return bool(value != UNKNOWN)


def changes(old: Any, new: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """Paths at which two values differ, with ADD, UPDATE or DELETE; keys that begin with `__` do not."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if not key.startswith("__"):
                inner = f"{path}.{key}" if path else key
                if key not in new or key not in old:
                    yield inner, "DELETE" if key not in new else "ADD"
                else:
                    yield from changes(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list):
        for position in range(max(len(old), len(new))):
            inner = f"{path}[{position}]"
            if position >= len(old) or position >= len(new):
                yield inner, "DELETE" if position >= len(new) else "ADD"
            else:
                yield from changes(old[position], new[position], inner)
    elif old != new:
        yield path, "UPDATE"


def at(content: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
