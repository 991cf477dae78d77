"""Decodes each resource once for all rules; the SDK decodes it again for each rule."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from google.protobuf import json_format
from pulumi_policy import policy as sdk
from pulumi_policy.deserialize import deserialize_properties

_CAPACITY = 2_000
"""Results in the cache; the review of a stack with more resources is a little slower."""


class CallCache:
    """Calls a function once for each object. Callers must not change the result.

    A call with further arguments, as for a remediation, which changes its result, is not cached.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._results: dict[int, tuple[object, Any]] = {}

    def __call__(self, argument: object, *more: object) -> Any:
        """Return the function's result."""
        if more:
            return self._function(argument, *more)
        cached = self._results.get(id(argument))
        if cached is None:
            if len(self._results) >= _CAPACITY:
                self._results.clear()
            # The cache holds the argument too: while it lives, no other object has its id.
            cached = self._results[id(argument)] = argument, self._function(argument)
        return cached[1]


def cache_decoding() -> None:
    """Make the SDK decode each message once: with sixty rules, decoding takes most of a review's time."""
    cached = SimpleNamespace(MessageToDict=CallCache(json_format.MessageToDict))
    vars(sdk).update(json_format=cached, deserialize_properties=CallCache(deserialize_properties))
