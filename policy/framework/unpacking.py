"""Each resource is unpacked once for all rules, where the SDK does it anew for each of them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from google.protobuf import json_format
from pulumi_policy import policy as sdk
from pulumi_policy.deserialize import deserialize_properties

_MOST = 2_000
"""Results that are kept at the same time; a stack of more resources is reviewed a little slower."""


class Once:
    """A function that works once for one and the same object; what it answers is only to be read.

    Called with more than that object, as for a remediation, which changes what it gets, it works anew.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._kept: dict[int, tuple[object, Any]] = {}

    def __call__(self, given: object, *more: object) -> Any:
        """Return what the function answers."""
        if more:
            return self._function(given, *more)
        kept = self._kept.get(id(given))
        if kept is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            # With what was given: as long as that is held, no other object has its identity.
            kept = self._kept[id(given)] = given, self._function(given)
        return kept[1]


def unpack_once() -> None:
    """Let the SDK unpack what the engine sends once: with sixty rules, that is most of a review's time."""
    unpacked = SimpleNamespace(MessageToDict=Once(json_format.MessageToDict))
    vars(sdk).update(json_format=unpacked, deserialize_properties=Once(deserialize_properties))
