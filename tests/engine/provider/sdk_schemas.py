"""Generates sdk_schemas.json: the types of inputs and outputs in azure-native's Python SDK.

After an SDK update, run this module and write its output to that file (docs/provider-stand-in.md).
The file exists because importing the SDK takes seconds, and every command of the engine starts a provider.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import typing
from collections.abc import Iterator
from typing import Any

from pulumi import _types as sdk

from sandbox.pulumi_plugins.azure_native.resource_schema import ACCESS_POLICY
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def generate() -> dict[str, dict[str, Any]]:
    """Inputs and outputs of every supported type; the name of a required input ends with `!`."""
    return {token: _of_type(token) for token in [*RESOURCE_TYPES, ACCESS_POLICY]}


def _of_type(token: str) -> dict[str, Any]:
    module_name, _, name = token.partition(":")
    module = importlib.import_module(f"pulumi_azure_native.{module_name}")
    resource = getattr(module, name)
    outputs = {key: _type(value) for key, value in sdk.resource_types(resource).items()}
    arguments = getattr(module, f"{name}Args")
    return {
        "inputs": _inputs(arguments),
        "outputs": dict(sorted(outputs.items())),
        "defaults": dict(_defaults(arguments, "")),
    }


def _inputs(arguments: type) -> dict[str, Any]:
    names = sdk.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters
    required = {names[key] for key in names if parameters[key].default is inspect.Parameter.empty}
    types = sdk.input_type_types(arguments).items()
    found = {f"{key}!" if key in required else key: _type(value) for key, value in types}
    return dict(sorted(found.items()))


def _defaults(arguments: type, path: str) -> Iterator[tuple[str, Any]]:
    """The SDK's default values, found by creating the arguments without any."""
    names = sdk.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters
    empty = [key for key in names if parameters[key].default is inspect.Parameter.empty]
    created = arguments(**dict.fromkeys(empty))
    for key, name in sorted(names.items(), key=lambda pair: pair[1]):
        hint = sdk.input_type_types(arguments)[name]
        if getattr(created, key) is not None:
            yield f"{path}{name}", getattr(created, key)
        elif sdk.is_input_type(hint):
            yield from _defaults(hint, f"{path}{name}.")


def _type(hint: Any) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        found = [_type(part) for part in parts if _is_plain(part)]
        return found[0] if all(each == found[0] for each in found) else "any"
    if origin and parts:
        inner = _type(parts[-1])
        return {"*": inner} if len(parts) == 2 else [inner]
    if inspect.isclass(hint) and issubclass(hint, enum.Enum):
        return "string" if issubclass(hint, str) else "any"
    if sdk.is_input_type(hint):
        return _inputs(hint)
    if sdk.is_output_type(hint):
        return dict(sorted((key, _type(value)) for key, value in sdk.output_type_types(hint).items()))
    return _PLAIN.get(hint, "any")


def _is_plain(hint: Any) -> bool:
    """Whether a part of a union is a plain type, not an Awaitable, Output or None."""
    later = ("collections.abc.Awaitable[", "pulumi.output.Output[")
    return hint is not type(None) and not str(hint).startswith(later)


if __name__ == "__main__":
    print(json.dumps(generate(), indent=1))
