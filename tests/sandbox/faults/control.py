"""Settings of a running sandbox that last for a block of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order, set_fault
from sandbox.faults.fault import InjectedFault, Json


def times_applied(paths: Paths, cloud: str, id: int) -> int:
    """The number of requests to which a fault has been applied."""
    faults = send_order(paths, cloud, "list")["faults"]
    return next(int(fault["applied"]) for fault in faults if fault["id"] == id)


@contextmanager
def fault(paths: Paths, cloud: str, endpoint: str, **effects: Any) -> Iterator[Callable[[], int]]:
    """A fault within the block; yields a function that returns how often it was applied."""
    id = set_fault(paths, cloud, InjectedFault(endpoint=endpoint, **effects))
    try:
        yield lambda: times_applied(paths, cloud, id)
    finally:
        send_order(paths, cloud, "lift", id=id)


def clock(paths: Paths, cloud: str, seconds: float) -> AbstractContextManager[None]:
    """A shifted clock within the block."""
    return _within(paths, cloud, "clock", {"seconds": seconds}, {"seconds": 0})


def slow_grants(paths: Paths, cloud: str, seconds: float) -> AbstractContextManager[None]:
    """Delayed role assignments within the block."""
    return _within(paths, cloud, "grants", {"seconds": seconds}, {"seconds": 0})


def choice(paths: Paths, cloud: str, name: str, value: str) -> AbstractContextManager[None]:
    """Another answer to an open question within the block."""
    before = send_order(paths, cloud, "list")["choices"][name]
    return _within(paths, cloud, "choose", {"name": name, "value": value}, {"name": name, "value": before})


@contextmanager
def _within(paths: Paths, cloud: str, do: str, now: Json, after: Json) -> Iterator[None]:
    send_order(paths, cloud, do, **now)
    try:
        yield
    finally:
        send_order(paths, cloud, do, **after)
