"""Changes the faults of a running sandbox, for the command `python -m sandbox fault` and for tests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sandbox.cloud.paths import Places
from sandbox.faults.fault import Fault, Json
from sandbox.http.azure_errors import SandboxError
from sandbox.lifecycle import require_running


def send_order(places: Places, cloud: str, do: str, **arguments: Any) -> Json:
    """Send an order, which is in effect on return; returns all settings. Raises SandboxError."""
    control = require_running(places)["control"]
    request = urllib.request.Request(
        control["endpoint"],
        json.dumps({"cloud": cloud, "do": do, **arguments}).encode(),
        {"Content-Type": "application/json", "X-SANDBOX": control["header"]},
    )
    without_proxies = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxies.open(request, timeout=60) as response:
            settings: Json = json.load(response)
            return settings
    except urllib.error.HTTPError as error:
        raise SandboxError(json.load(error)["error"]) from None


def set_fault(places: Places, cloud: str, fault: Fault) -> int:
    """Add a fault to a cloud; returns its number."""
    return int(send_order(places, cloud, "set", fault=fault.json())["result"])


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
