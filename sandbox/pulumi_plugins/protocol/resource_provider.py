"""What both stand-ins share: the engine's resource provider protocol, over plain JSON values.

Written against the protocol itself, for the SDK's experimental base class shows a Python traceback with every
error and cannot report a resource that was made but failed, as the real plugins do
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from sandbox.pulumi_plugins.protocol import call_context
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values, struct, values

_LIMIT = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


class InitError(ProviderError):
    """A resource was made but is not good: the engine keeps it and tries an update next time."""

    def __init__(self, message: str, id: str, inputs: Values, outputs: Values) -> None:
        super().__init__(message)
        self.id, self.inputs, self.outputs = id, inputs, outputs


@dataclass(frozen=True)
class Autonaming:
    """The name that the engine's configuration wants for a resource without one."""

    proposed: str
    mode: str
    """PROPOSE, ENFORCE or DISABLE."""


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

    def parameterize(self, name: str, value: bytes) -> str:
        """Become another package, as the value says; the answer is the package's name."""
        raise ProviderError(f"{name} cannot be made from this provider: it takes no parameters")

    def check(
        self, token: str, name: str, old: Values, new: Values, seed: bytes, wish: Autonaming | None
    ) -> tuple[Values, list[str]]:
        """Inputs with what was missing filled in, and faults."""
        raise NotImplementedError

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        """How new inputs differ from old ones; `state` is what the last answer said."""
        raise NotImplementedError

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Make a resource: its ID and outputs."""
        raise NotImplementedError

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        """Inputs and outputs as they are now, or None where the resource is gone.

        Both are empty where a program or a user names an existing resource by its ID alone.
        """
        raise NotImplementedError

    def update(self, token: str, id: str, state: Values, old: Values, new: Values, preview: bool) -> Values:
        """Change a resource from old inputs to new ones: its outputs."""
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
        self._engine = ""

    def Handshake(self, request, context):  # type: ignore[no-untyped-def]
        self._engine = request.engine_address
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request, context):  # type: ignore[no-untyped-def]
        self._engine = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request, context):  # type: ignore[no-untyped-def]
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Parameterize(self, request, context):  # type: ignore[no-untyped-def]
        if not request.HasField("value"):
            words = (
                "this stand-in has no schema to make a package from; it runs packages that are made already"
            )
            context.abort(grpc.StatusCode.UNIMPLEMENTED, words)
        given = request.value
        name = _guarded(context, lambda: self._provider.parameterize(given.name, given.value))
        return provider_pb2.ParameterizeResponse(name=name, version=given.version)

    def CheckConfig(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request, context):  # type: ignore[no-untyped-def]
        config = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        _guarded(context, lambda: self._provider.configure(config))
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    def Cancel(self, request, context):  # type: ignore[no-untyped-def]
        call_context.cancel()
        return empty_pb2.Empty()

    def Check(self, request, context):  # type: ignore[no-untyped-def]
        token, name = _type(request.urn), request.urn.rpartition("::")[2]
        old, new = values(request.olds), values(request.news)
        seed, wish = request.randomSeed, _wish(request)
        inputs, faults = _guarded(context, lambda: self._provider.check(token, name, old, new, seed, wish))
        failures = [provider_pb2.CheckFailure(reason=fault) for fault in faults]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request, context):  # type: ignore[no-untyped-def]
        # What ignoreChanges names, the engine has set back in the new inputs already.
        old, new, state = values(request.old_inputs), values(request.news), values(request.olds)
        diff = self._called(
            request, context, lambda: self._provider.diff(_type(request.urn), old, new, state)
        )
        return _diff_answer(diff)

    def Create(self, request, context):  # type: ignore[no-untyped-def]
        inputs = values(request.properties)
        token, preview = _type(request.urn), request.preview
        id, outputs = self._called(
            request, context, lambda: self._provider.create(token, inputs, preview), request.timeout
        )
        return provider_pb2.CreateResponse(id=id, properties=struct(outputs))

    def Read(self, request, context):  # type: ignore[no-untyped-def]
        inputs, state = values(request.inputs), values(request.properties)
        found = _guarded(context, lambda: self._provider.read(_type(request.urn), request.id, inputs, state))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, inputs=struct(found[0]), properties=struct(found[1]))

    def Update(self, request, context):  # type: ignore[no-untyped-def]
        token, state = _type(request.urn), values(request.olds)
        old, new = values(request.old_inputs), values(request.news)
        outputs = self._called(
            request,
            context,
            lambda: self._provider.update(token, request.id, state, old, new, request.preview),
            request.timeout,
        )
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request, context):  # type: ignore[no-untyped-def]
        inputs = values(request.old_inputs)
        token = _type(request.urn)
        self._called(
            request, context, lambda: self._provider.delete(token, request.id, inputs), request.timeout
        )
        return empty_pb2.Empty()

    def Invoke(self, request, context):  # type: ignore[no-untyped-def]
        found = _guarded(context, lambda: self._provider.invoke(request.tok, values(request.args)))
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(struct(found))  # `return` is a keyword here
        return answer

    def _called(self, request: Any, context: grpc.ServicerContext, work: Any, limit: float = 0) -> Any:
        """Do a call within its time, and show what it warns of at its resource."""
        with call_context.call(limit) as warnings:
            try:
                return _guarded(context, work)
            finally:
                self._show(request.urn, warnings)

    def _show(self, urn: str, warnings: list[str]) -> None:
        if warnings and self._engine:
            with grpc.insecure_channel(self._engine) as channel:
                for message in warnings:
                    said = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn)
                    engine_pb2_grpc.EngineStub(channel).Log(said)


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


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _wish(request: provider_pb2.CheckRequest) -> Autonaming | None:
    if not request.HasField("autonaming"):
        return None
    modes = provider_pb2.CheckRequest.AutonamingOptions.Mode
    return Autonaming(request.autonaming.proposed_name, modes.Name(request.autonaming.mode))


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
