"""Hooks that hear of a resource's failure, to say what to do about it."""

from collections.abc import Callable
from uuid import uuid4

from pulumi import ErrorHook, ErrorHookArgs
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import monitor_supports_feature


def error_hooks(name: str, tell: Callable[[ErrorHookArgs], None]) -> list[ErrorHook]:
    """Return a hook that calls `tell` with each failure and asks for no other try; none for an old engine.

    The engine takes a hook's name once in a deployment, and two components may be named alike: so there is
    a random part in it.
    """
    if not monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS):
        return []

    def hear(failure: ErrorHookArgs) -> bool:
        tell(failure)
        return False

    return [ErrorHook(f"{name}-{uuid4().hex}", hear)]
