"""What both stand-ins share: the engine's resource provider protocol, over plain JSON values.

Written against the protocol itself, for the SDK's experimental base class shows a Python traceback with every
error and cannot report a resource that was made but failed, as the real plugins do
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the protocol writes a value that is not known yet."""

Values = dict[str, Any]
_LIMIT = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


class ProviderError(Exception):
    """A call failed; the engine shows the message."""


class InitError(ProviderError):
    """A resource was made but is not good: the engine keeps it and tries an update next time."""

    def __init__(self, message: str, id: str, inputs: Values, outputs: Values) -> None:
        super().__init__(message)
        self.id, self.inputs, self.outputs = id, inputs, outputs


@dataclass
class Diff:
    """How new inputs differ from old ones: path to ADD, UPDATE or DELETE."""

    changes: dict[str, str] = field(default_factory=dict)
    replaces: list[str] = field(default_factory=list)
    delete_before_replace: bool = True


class Provider:
    """What a stand-in answers. Secrets never arrive marked: the engine keeps the marks itself."""

    version = "0.0.0"

    def configure(self, config: Mapping[str, str]) -> None:
        """Take the provider's configuration."""

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        """Inputs with what was missing filled in, and faults."""
        raise NotImplementedError

    def diff(self, token: str, old: Values, new: Values) -> Diff:
        """How inputs differ."""
        raise NotImplementedError

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Make a resource: its ID and outputs."""
        raise NotImplementedError

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        """Inputs and outputs as they are now, or None where the resource is gone."""
        raise NotImplementedError

    def update(self, token: str, id: str, old: Values, new: Values, preview: bool) -> Values:
        """Change a resource: its outputs."""
        raise NotImplementedError

    def delete(self, token: str, id: str, inputs: Values) -> None:
        """Remove a resource; one that is gone already is no fault."""
        raise NotImplementedError

    def invoke(self, token: str, arguments: Values) -> Values:
        """Call a function."""
        raise NotImplementedError


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The protocol's door to a Provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request, context):  # type: ignore[no-untyped-def]
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request, context):  # type: ignore[no-untyped-def]
        config = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        _guarded(context, lambda: self._provider.configure(config))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request, context):  # type: ignore[no-untyped-def]
        return empty_pb2.Empty()

    def Check(self, request, context):  # type: ignore[no-untyped-def]
        token, name = _type(request.urn), request.urn.rpartition("::")[2]
        old, new = values(request.olds), values(request.news)
        inputs, faults = _guarded(
            context, lambda: self._provider.check(token, name, old, new, request.randomSeed)
        )
        failures = [provider_pb2.CheckFailure(reason=fault) for fault in faults]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request, context):  # type: ignore[no-untyped-def]
        old = values(request.old_inputs)
        new = _ignoring(request.ignoreChanges, old, values(request.news))
        diff = _guarded(context, lambda: self._provider.diff(_type(request.urn), old, new))
        return _diff_answer(diff)

    def Create(self, request, context):  # type: ignore[no-untyped-def]
        inputs = values(request.properties)
        id, outputs = _guarded(
            context, lambda: self._provider.create(_type(request.urn), inputs, request.preview)
        )
        return provider_pb2.CreateResponse(id=id, properties=struct(outputs))

    def Read(self, request, context):  # type: ignore[no-untyped-def]
        inputs, state = values(request.inputs), values(request.properties)
        found = _guarded(context, lambda: self._provider.read(_type(request.urn), request.id, inputs, state))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, inputs=struct(found[0]), properties=struct(found[1]))

    def Update(self, request, context):  # type: ignore[no-untyped-def]
        token, old, new = _type(request.urn), values(request.olds), values(request.news)
        outputs = _guarded(
            context, lambda: self._provider.update(token, request.id, old, new, request.preview)
        )
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request, context):  # type: ignore[no-untyped-def]
        inputs = values(request.old_inputs)
        _guarded(context, lambda: self._provider.delete(_type(request.urn), request.id, inputs))
        return empty_pb2.Empty()

    def Invoke(self, request, context):  # type: ignore[no-untyped-def]
        found = _guarded(context, lambda: self._provider.invoke(request.tok, values(request.args)))
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(struct(found))  # `return` is a keyword here
        return answer


def serve(provider: Provider) -> None:
    """Serve a provider until the engine is done."""
    server = grpc.server(ThreadPoolExecutor(64), options=_LIMIT)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server.wait_for_termination()


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
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for position, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changes(before, after, f"{path}[{position}]")
    elif old != new:
        yield path, "UPDATE"


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _ignoring(paths: Iterable[str], old: Values, new: Values) -> Values:
    for path in paths:
        key = path.split(".")[0]
        new = {**new, key: old[key]} if key in old else {k: v for k, v in new.items() if k != key}
    return new


def _diff_answer(diff: Diff) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {}
    for path, change in diff.changes.items():
        kind = f"{change}_REPLACE" if path in diff.replaces else change
        detailed[path] = provider_pb2.PropertyDiff(kind=kinds.Value(kind), inputDiff=True)
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if diff.changes else none,
        diffs=sorted({path.replace("[", ".").split(".")[0] for path in diff.changes}),
        replaces=diff.replaces,
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(diff.replaces) and diff.delete_before_replace,
    )


def _guarded(context: grpc.ServicerContext, work: Any) -> Any:
    """Do a call; its failure becomes one message, without a traceback."""
    try:
        return work()
    except InitError as error:
        partial = provider_pb2.ErrorResourceInitFailed(
            id=error.id,
            properties=struct(error.outputs),
            inputs=struct(error.inputs),
            reasons=[str(error)],
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(partial)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except ProviderError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__} in the stand-in: {error}")
