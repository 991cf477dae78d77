"""Reads the shapes of inputs and outputs off azure-native's Python SDK, for sdk_schemas.json.

After an SDK update, run this module and write its output to `sdk_schemas.json` (docs/provider-stand-in.md).
The file is kept because the SDK takes seconds to import, and each command of the engine starts a provider.
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

from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def shapes() -> dict[str, dict[str, Any]]:
    """Inputs and outputs of every type that the stand-in knows; a required input's name ends with `!`."""
    return {token: _of_type(token) for token in [*RESOURCE_TYPES, "keyvault:AccessPolicy"]}


def _of_type(token: str) -> dict[str, Any]:
    module_name, _, name = token.partition(":")
    module = importlib.import_module(f"pulumi_azure_native.{module_name}")
    resource = getattr(module, name)
    outputs = {key: _shape(value) for key, value in sdk.resource_types(resource).items()}
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
    found = {f"{key}!" if key in required else key: _shape(value) for key, value in types}
    return dict(sorted(found.items()))


def _defaults(arguments: type, path: str) -> Iterator[tuple[str, Any]]:
    """What the SDK fills in: found by making the arguments with nothing said."""
    names = sdk.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters
    empty = [key for key in names if parameters[key].default is inspect.Parameter.empty]
    made = arguments(**dict.fromkeys(empty))
    for key, name in sorted(names.items(), key=lambda pair: pair[1]):
        hint = sdk.input_type_types(arguments)[name]
        if getattr(made, key) is not None:
            yield f"{path}{name}", getattr(made, key)
        elif sdk.is_input_type(hint):
            yield from _defaults(hint, f"{path}{name}.")


def _shape(hint: Any) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        found = [_shape(part) for part in parts if _counts(part)]
        return found[0] if all(each == found[0] for each in found) else "any"
    if origin and parts:
        inner = _shape(parts[-1])
        return {"*": inner} if len(parts) == 2 else [inner]
    if inspect.isclass(hint) and issubclass(hint, enum.Enum):
        return "string" if issubclass(hint, str) else "any"
    if sdk.is_input_type(hint):
        return _inputs(hint)
    if sdk.is_output_type(hint):
        return dict(sorted((key, _shape(value)) for key, value in sdk.output_type_types(hint).items()))
    return _PLAIN.get(hint, "any")


def _counts(hint: Any) -> bool:
    """Not what stands for a value that comes later, nor for none."""
    later = ("collections.abc.Awaitable[", "pulumi.output.Output[")
    return hint is not type(None) and not str(hint).startswith(later)


if __name__ == "__main__":
    print(json.dumps(shapes(), indent=1))
