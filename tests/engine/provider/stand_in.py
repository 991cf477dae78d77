"""A client of the stand-in for azure-native that uses the provider protocol without an engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.cloud.definitions import CloudDefinition
from sandbox.pulumi_plugins.protocol.values import Values, struct, values

REGISTRY = {"resourceGroupName": "images", "registryName": "contososource"}


class CallFailedError(Exception):
    """A call failed; the message is what the engine shows."""


class InitFailedError(CallFailedError):
    """A resource was created but failed; has what the engine keeps of it."""

    def __init__(self, message: str, found: provider_pb2.ErrorResourceInitFailed) -> None:
        super().__init__(message)
        self.id, self.state, self.inputs = found.id, values(found.properties), values(found.inputs)


@dataclass
class DiffResult:
    """A diff in plain values."""

    changed: dict[str, str]
    replaces: list[str]
    deletes_first: bool


class StandIn:
    """The calls of an engine, with plain values."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._calls = provider_pb2_grpc.ResourceProviderStub(channel)

    def configure(self, **config: str) -> Any:
        named = {f"azure-native:config:{key}": value for key, value in config.items()}
        return self._calls.Configure(provider_pb2.ConfigureRequest(variables=named))

    def check(
        self, type: str, new: Values, old: Values | None = None, name: str = "thing"
    ) -> tuple[Values, list[str]]:
        request = provider_pb2.CheckRequest(
            urn=_urn(type, name), olds=struct(old or {}), news=struct(new), randomSeed=b"seed"
        )
        response = _call(self._calls.Check, request)
        return values(response.inputs), sorted(failure.reason for failure in response.failures)

    def diff(self, type: str, old: Values, new: Values, state: Values | None = None) -> DiffResult:
        request = provider_pb2.DiffRequest(
            urn=_urn(type), id="id", old_inputs=struct(old), news=struct(new), olds=struct(state or {})
        )
        response = _call(self._calls.Diff, request)
        kinds = provider_pb2.PropertyDiff.Kind
        changed = {path: kinds.Name(change.kind) for path, change in response.detailedDiff.items()}
        assert response.hasDetailedDiff
        assert all(change.inputDiff for change in response.detailedDiff.values())
        return DiffResult(changed, list(response.replaces), response.deleteBeforeReplace)

    def cancel(self) -> None:
        _call(self._calls.Cancel, empty_pb2.Empty())

    def create(
        self, type: str, inputs: Values, *, preview: bool = False, timeout: float = 0
    ) -> tuple[str, Values]:
        request = provider_pb2.CreateRequest(
            urn=_urn(type), properties=struct(inputs), preview=preview, timeout=timeout
        )
        response = _call(self._calls.Create, request)
        return response.id, values(response.properties)

    def read(
        self, type: str, id: str, inputs: Values | None = None, state: Values | None = None
    ) -> tuple[str, Values, Values]:
        request = provider_pb2.ReadRequest(
            urn=_urn(type), id=id, inputs=struct(inputs or {}), properties=struct(state or {})
        )
        response = _call(self._calls.Read, request)
        return response.id, values(response.inputs), values(response.properties)

    def update(
        self,
        type: str,
        id: str,
        state: Values,
        new: Values,
        *,
        old: Values | None = None,
        preview: bool = False,
    ) -> Values:
        request = provider_pb2.UpdateRequest(
            urn=_urn(type),
            id=id,
            olds=struct(state),
            old_inputs=struct(old or {}),
            news=struct(new),
            preview=preview,
        )
        return values(_call(self._calls.Update, request).properties)

    def delete(self, type: str, id: str, inputs: Values) -> None:
        _call(
            self._calls.Delete, provider_pb2.DeleteRequest(urn=_urn(type), id=id, old_inputs=struct(inputs))
        )

    def invoke(self, token: str, arguments: Values) -> Values:
        request = provider_pb2.InvokeRequest(tok=f"azure-native:{token}", args=struct(arguments))
        return values(getattr(_call(self._calls.Invoke, request), "return"))

    def check_and_create(self, type: str, inputs: Values) -> tuple[str, Values, Values]:
        """Check and create a resource as an engine does; returns ID, inputs and state."""
        checked, faults = self.check(type, inputs)
        assert faults == []
        return (found := self.create(type, checked))[0], checked, found[1]


@contextmanager
def running(environment: dict[str, str], definition: CloudDefinition) -> Iterator[StandIn]:
    """A stand-in in its own process, configured for one cloud."""
    command = [sys.executable, "-m", "sandbox.pulumi_plugins.azure_native"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            found = StandIn(channel)
            found.configure(
                environment=definition.name,
                subscriptionId=definition.subscription,
                location=definition.location,
            )
            yield found
        process.terminate()


def _urn(type: str, name: str = "thing") -> str:
    token = type if type.startswith("azure-native_") else f"azure-native:{type}"
    return f"urn:pulumi:stack::project::{token}::{name}"


def _call(call: Any, request: Any) -> Any:
    try:
        return call(request, timeout=60)
    except grpc.RpcError as error:
        message, metadata = str(error.details()), dict[str, Any](error.trailing_metadata() or ())  # type: ignore
        details = metadata.get("grpc-status-details-bin")
        if not isinstance(details, bytes):
            raise CallFailedError(message) from error
        found = provider_pb2.ErrorResourceInitFailed()
        status_pb2.Status.FromString(details).details[0].Unpack(found)
        raise InitFailedError(message, found) from error
