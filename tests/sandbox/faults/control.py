"""Settings of a running sandbox that last for a block of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sandbox.cloud.paths import Places
from sandbox.faults.control import send_order, set_fault
from sandbox.faults.fault import Fault, Json


def times_applied(places: Places, cloud: str, id: int) -> int:
    """The number of requests to which a fault has been applied."""
    faults = send_order(places, cloud, "list")["faults"]
    return next(int(fault["applied"]) for fault in faults if fault["id"] == id)


@contextmanager
def fault(places: Places, cloud: str, endpoint: str, **effects: Any) -> Iterator[Callable[[], int]]:
    """A fault within the block; yields a function that returns how often it was applied."""
    id = set_fault(places, cloud, Fault(endpoint=endpoint, **effects))
    try:
        yield lambda: times_applied(places, cloud, id)
    finally:
        send_order(places, cloud, "lift", id=id)


def clock(places: Places, cloud: str, seconds: float) -> AbstractContextManager[None]:
    """A shifted clock within the block."""
    return _within(places, cloud, "clock", {"seconds": seconds}, {"seconds": 0})


def slow_grants(places: Places, cloud: str, seconds: float) -> AbstractContextManager[None]:
    """Delayed role assignments within the block."""
    return _within(places, cloud, "grants", {"seconds": seconds}, {"seconds": 0})


def choice(places: Places, cloud: str, name: str, value: str) -> AbstractContextManager[None]:
    """Another answer to an open question within the block."""
    before = send_order(places, cloud, "list")["choices"][name]
    return _within(places, cloud, "choose", {"name": name, "value": value}, {"name": name, "value": before})


@contextmanager
def _within(places: Places, cloud: str, do: str, now: Json, after: Json) -> Iterator[None]:
    send_order(places, cloud, do, **now)
    try:
        yield
    finally:
        send_order(places, cloud, do, **after)
