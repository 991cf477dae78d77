"""The parts of Pulumi's Python SDK that it does not document, all in one place.

tests/component/test_sdk.py tries them on the SDK's version that this repository pins.
"""

import ast
import asyncio
import base64
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast
from uuid import uuid4

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, Input, Output
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.resource import DependencyResource
from pulumi.resource_hooks import ErrorHookFunction
from pulumi.runtime.config import CONFIG, get_config_env
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import monitor_supports_feature, register_package

Value = TypeVar("Value")

_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between two attempts to read a state that is being written."""


def error_hooks(name: str, report: Callable[[ErrorHookArgs], None]) -> list[ErrorHook]:
    """Return a hook that calls `report` for each failure and requests no retry; none for an old engine.

    The engine accepts a hook's name once in a deployment, and two components may have the same name: a random
    part keeps hooks apart.
    """

    def on_error(failure: ErrorHookArgs) -> bool:
        report(failure)
        return False

    return retry_hooks(name, on_error)


def retry_hooks(name: str, retry: ErrorHookFunction) -> list[ErrorHook]:
    """Return a hook that repeats a failed operation if `retry` returns true; none for an old engine."""
    if not _has_error_hooks():
        return []
    return [ErrorHook(f"{name}-{uuid4().hex}", retry)]


def keeps_values() -> bool:
    """Whether the engine has the resource `Stash`. Engines with error hooks do: they came later."""
    return _has_error_hooks()


def _has_error_hooks() -> bool:
    return monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)


def not_found(error: Exception) -> bool:
    """Whether a function of azure-native failed because its resource does not exist."""
    return "Status=404" in str(error) or "NotFound" in str(error)


def none_if_missing(failure: Exception) -> None:
    """Return None if the resource of a function of azure-native does not exist; raise any other failure."""
    if not not_found(failure):
        raise failure


def configured_keys() -> set[str]:
    """Return the full name of every key that the stack's configuration sets."""
    return {*get_config_env(), *CONFIG.get()}


async def stack_outputs(stack: str) -> dict[str, Any]:
    """Return the outputs of a stack, given as organization/project/stack.

    It reads what a StackReference reads, but the error for a stack that does not exist can be caught.
    """
    return await _read_stack("pulumi:pulumi:readStackOutputs", {"name": stack})


async def recorded_resources(known: pulumi.Resource) -> dict[str, Any] | None:
    """Return the resources in this stack's state, each by its URN with its `type` and its `outputs`.

    `known` is one of them: the engine (3.259) crashes on a stack without a state. None for the preview of a
    stack that may have no state, because no deployment of it has ended.
    """
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    if pulumi.runtime.is_dry_run() and not await stack_outputs(own):
        return None
    await Output.from_input(known.urn).future()
    return await _read_stack("pulumi:pulumi:readStackResourceOutputs", {"stackName": own})


async def _read_stack(function: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The outputs that a function of the engine reads, again if the stack's state is being written.

    A backend in a folder writes the file of a state's attributes in place, so that it is empty for an instant
    whenever an update saves the state: this very update too, while it reads its own stack.
    https://pkg.go.dev/gocloud.dev/blob/fileblob
    """
    for pause in (*_PAUSES, 0):
        try:
            found = await pulumi.runtime.invoke_async(function, arguments)
            return cast(dict[str, Any], found["outputs"])
        except Exception as failure:
            if not pause or not str(failure).endswith("EOF"):
                raise
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


async def provider_settings(urn: str) -> dict[str, Any]:
    """Return the settings of an explicit provider, as the engine has registered them."""
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:getResource", {"urn": urn})
    return cast(dict[str, Any], found["state"])


async def parameterized_package(provider: str, version: str, package: str, parameter: object) -> str:
    """Register a parameterized package with the engine and return its reference."""
    text = json.dumps(parameter, separators=(",", ":")).encode()
    # Encoded twice: the plugin reads base64, and a generated SDK encodes that in base64 again.
    encoded = base64.b64encode(base64.b64encode(text)).decode()
    return await register_package(provider, version, "", package, version, encoded)


def known_if(first: Output[Value], second: Output[Value], resources: Output[Any]) -> Output[Value]:
    """Return the first output if its value is known, else the second one; unknown if that is empty too.

    It depends on the resources of `resources`.
    """

    async def value() -> Any:
        return await (first if await first.is_known() else second).future()

    async def is_known() -> bool:
        return await first.is_known() or bool(await second.is_known() and await second.future())

    return Output(resources.resources(), value(), is_known())


async def settled(output: Output[Value]) -> None:
    """Wait until an output has a value or has failed."""
    await asyncio.wait([asyncio.ensure_future(output.future())])


def resource_of(urn: Input[str]) -> pulumi.Resource:
    """Return a stand-in for a resource of this deployment, given by its URN."""
    found = DependencyResource("")
    found.__dict__["urn"] = Output.from_input(urn)
    return found


def descriptions(kind: type) -> dict[str, str]:
    """Return the docstrings of a class's fields by their names, those of its bases included."""
    analyzer, found = Analyzer("acr-transfer"), dict[str, str]()
    for base in _bases(kind):
        found |= descriptions(base)
    own = {name: analyzer.get_docstring(kind, name) or "" for name in kind.__annotations__}
    return found | {name: " ".join(text.split()) for name, text in own.items() if text}


def _bases(kind: type) -> list[type]:
    """The bases of a class in the components: a TypedDict of Python 3.11 keeps them only in its source."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    names = [base.id for base in getattr(definition, "bases", ()) if isinstance(base, ast.Name)]
    return [vars(sys.modules[kind.__module__])[name] for name in names if name != "TypedDict"]
