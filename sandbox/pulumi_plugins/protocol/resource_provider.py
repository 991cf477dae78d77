"""The engine's resource provider protocol over plain JSON values, for both stand-ins.

This is written against the protocol because the SDK's experimental base class prints a Python traceback with
every error and cannot report a partially created resource, as the vendor's plugins do
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from sandbox.pulumi_plugins.protocol import call_context, plugin_server
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values, struct, values


class InitError(ProviderError):
    """A resource was created but failed: the engine keeps it in the state and updates it next time."""

    def __init__(self, message: str, id: str, inputs: Values, outputs: Values) -> None:
        super().__init__(message)
        self.id, self.inputs, self.outputs = id, inputs, outputs


@dataclass
class Diff:
    """The difference between old and new inputs: path to ADD, UPDATE or DELETE."""

    changes: dict[str, str] = field(default_factory=dict)
    replaces: list[str] = field(default_factory=list)
    delete_before_replace: bool = True


class Provider:
    """A resource provider. Secrets arrive unmarked: the engine keeps the marks."""

    version = "0.0.0"

    def configure(self, config: Mapping[str, str]) -> None:
        """Accept the provider's configuration."""

    def parameterize(self, name: str, value: bytes) -> str:
        """Become another package, described by `value`; returns the package's name."""
        raise ProviderError(f"the package {name} cannot be created: this provider accepts no parameters")

    def of_type(self, token: str) -> Provider:
        """The provider of a resource type."""
        return self

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        """Inputs with defaults filled in, and their faults."""
        raise NotImplementedError

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        """The difference between old and new inputs; `state` is the resource's last state."""
        raise NotImplementedError

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Create a resource; returns its ID and outputs."""
        raise NotImplementedError

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        """Current inputs and outputs, or None if the resource does not exist.

        Inputs and state are empty for an import or a `get` by ID.
        """
        raise NotImplementedError

    def update(self, token: str, id: str, state: Values, old: Values, new: Values, preview: bool) -> Values:
        """Update a resource; returns its outputs."""
        raise NotImplementedError

    def delete(self, token: str, id: str, inputs: Values) -> None:
        """Delete a resource; a missing resource is not an error."""
        raise NotImplementedError

    def invoke(self, token: str, arguments: Values) -> Values:
        """Call a function."""
        raise NotImplementedError


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves a Provider over gRPC."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request, context):  # type: ignore[no-untyped-def]
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request, context):  # type: ignore[no-untyped-def]
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Parameterize(self, request, context):  # type: ignore[no-untyped-def]
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
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request, context):  # type: ignore[no-untyped-def]
        call_context.cancel()
        return empty_pb2.Empty()

    def Check(self, request, context):  # type: ignore[no-untyped-def]
        name, old, new = request.urn.rpartition("::")[2], values(request.olds), values(request.news)
        inputs, faults = self._call(request, context, "check", name, old, new, request.randomSeed)
        failures = [provider_pb2.CheckFailure(reason=fault) for fault in faults]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request, context):  # type: ignore[no-untyped-def]
        # The engine has already applied ignoreChanges to the new inputs.
        old, new, state = values(request.old_inputs), values(request.news), values(request.olds)
        return _diff_response(self._call(request, context, "diff", old, new, state))

    def Create(self, request, context):  # type: ignore[no-untyped-def]
        inputs = values(request.properties)
        id, outputs = self._call(request, context, "create", inputs, request.preview)
        return provider_pb2.CreateResponse(id=id, properties=struct(outputs))

    def Read(self, request, context):  # type: ignore[no-untyped-def]
        inputs, state = values(request.inputs), values(request.properties)
        found = self._call(request, context, "read", request.id, inputs, state)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, inputs=struct(found[0]), properties=struct(found[1]))

    def Update(self, request, context):  # type: ignore[no-untyped-def]
        old, new, state = values(request.old_inputs), values(request.news), values(request.olds)
        outputs = self._call(request, context, "update", request.id, state, old, new, request.preview)
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request, context):  # type: ignore[no-untyped-def]
        self._call(request, context, "delete", request.id, values(request.old_inputs))
        return empty_pb2.Empty()

    def Invoke(self, request, context):  # type: ignore[no-untyped-def]
        found = _guarded(context, lambda: self._provider.invoke(request.tok, values(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(found))  # `return` is a Python keyword
        return response

    def _call(self, request: Any, context: grpc.ServicerContext, method: str, *arguments: Any) -> Any:
        """Call a method of the type's provider with the call's timeout."""
        token = request.urn.split("::")[2].rpartition("$")[2]
        with call_context.call(getattr(request, "timeout", 0)):
            provider = self._provider.of_type(token)
            return _guarded(context, partial(getattr(provider, method), token, *arguments))


def serve(provider: Provider) -> None:
    """Serve a provider until the engine stops it."""
    servicer = Servicer(provider)
    register = provider_pb2_grpc.add_ResourceProviderServicer_to_server
    plugin_server.serve(lambda server: register(servicer, server), threads=64)


def _diff_response(diff: Diff) -> provider_pb2.DiffResponse:
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


def _guarded(context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:
    """Run a call; an error becomes one message without a traceback."""
    try:
        return work()
    except InitError as error:
        partial = provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=struct(error.outputs), inputs=struct(error.inputs), reasons=[str(error)]
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
