"""The configuration of the stack: the engine sends it to a policy pack, and the SDK does not pass it on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.config import get_config_env
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.policy import _PolicyAnalyzerServicer


@dataclass(frozen=True)
class StackConfig:
    """The values that `pulumi config` shows."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """The values by their full keys, such as `acr-transfer:side`; encrypted ones are decrypted here."""

    encrypted: frozenset[str] = frozenset()
    """The keys that the stack's file holds encrypted; empty with an engine that does not report them."""


_received: list[StackConfig] = []


def stack_config() -> StackConfig:
    """Return the configuration that the engine sent last."""
    return _received[-1] if _received else StackConfig(get_config_env())


def record_stack_config(servicer: type[_PolicyAnalyzerServicer] = _PolicyAnalyzerServicer) -> None:
    """Record the configuration that the engine sends from now on to the SDK's servicer.

    https://github.com/pulumi/pulumi/blob/master/proto/pulumi/analyzer.proto
    """
    handle = servicer.ConfigureStack

    def configure_stack(self: Any, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: Any) -> Any:
        _received[:] = [StackConfig(dict(request.config), frozenset(request.config_secret_keys))]
        return handle(self, request, context)

    servicer.ConfigureStack = configure_stack  # type: ignore[assignment, method-assign]
