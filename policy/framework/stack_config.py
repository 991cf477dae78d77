"""The configuration of the stack, which the engine tells a policy pack and the SDK keeps to itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.config import get_config_env
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.policy import _PolicyAnalyzerServicer


@dataclass(frozen=True)
class StackConfig:
    """What `pulumi config` shows."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Each setting by its full key, such as `acr-transfer:side`; what is encrypted is in clear here."""

    encrypted: frozenset[str] = frozenset()
    """The keys of settings that the stack's file holds encrypted, where the engine tells them."""


_told: list[StackConfig] = []


def stack_config() -> StackConfig:
    """Return what the engine has told; an older one tells no key of what is encrypted."""
    return _told[-1] if _told else StackConfig(get_config_env())


def listen(servicer: type[_PolicyAnalyzerServicer] = _PolicyAnalyzerServicer) -> None:
    """Keep what the engine tells from now on: `servicer` is what the SDK answers the engine with.

    https://github.com/pulumi/pulumi/blob/master/proto/pulumi/analyzer.proto
    """
    answer = servicer.ConfigureStack

    def configure_stack(self: Any, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: Any) -> Any:
        _told[:] = [StackConfig(dict(request.config), frozenset(request.config_secret_keys))]
        return answer(self, request, context)

    servicer.ConfigureStack = configure_stack  # type: ignore[assignment, method-assign]
