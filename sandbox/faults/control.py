"""What tells a running sandbox that something shall go wrong.

The command `python -m sandbox fault` and the tests use the same functions.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.cloud.paths import Places
from sandbox.faults.fault import Fault, Json
from sandbox.http.azure_errors import SandboxError
from sandbox.lifecycle import require_running


def tell(places: Places, cloud: str, do: str, **more: Any) -> Json:
    """Give a running sandbox one order; when this returns, it holds. The answer is all that is set now."""
    control = require_running(places)["control"]
    request = urllib.request.Request(
        control["endpoint"],
        json.dumps({"cloud": cloud, "do": do, **more}).encode(),
        {"Content-Type": "application/json", "X-SANDBOX": control["header"]},
    )
    without_proxies = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxies.open(request, timeout=60) as answer:
            found: Json = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise SandboxError(json.load(error)["error"]) from None


def set_fault(places: Places, cloud: str, fault: Fault) -> int:
    """Let a fault stand at a door of a cloud; the answer is the number that lifts it."""
    return int(tell(places, cloud, "set", fault=fault.json())["done"])


def lift(places: Places, cloud: str, id: int) -> None:
    """Remove one fault."""
    tell(places, cloud, "lift", id=id)


def times_played(places: Places, cloud: str, id: int) -> int:
    """To how many requests a fault was played so far."""
    return next(int(each["played"]) for each in tell(places, cloud, "list")["faults"] if each["id"] == id)


@contextmanager
def fault(places: Places, cloud: str, door: str, **more: Any) -> Iterator[Callable[[], int]]:
    """A fault for as long as the block lasts; what it gives tells how often it was played."""
    id = set_fault(places, cloud, Fault(door=door, **more))
    try:
        yield lambda: times_played(places, cloud, id)
    finally:
        lift(places, cloud, id)


@contextmanager
def clock(places: Places, cloud: str, seconds: float) -> Iterator[None]:
    """Another time in one cloud for as long as the block lasts."""
    tell(places, cloud, "clock", seconds=seconds)
    try:
        yield
    finally:
        tell(places, cloud, "clock", seconds=0)


@contextmanager
def slow_grants(places: Places, cloud: str, seconds: float) -> Iterator[None]:
    """New grants take this long for as long as the block lasts."""
    tell(places, cloud, "grants", seconds=seconds)
    try:
        yield
    finally:
        tell(places, cloud, "grants", seconds=0)


@contextmanager
def choice(places: Places, cloud: str, name: str, value: str) -> Iterator[None]:
    """An open point played another way for as long as the block lasts."""
    before = tell(places, cloud, "list")["choices"][name]
    tell(places, cloud, "choose", name=name, value=value)
    try:
        yield
    finally:
        tell(places, cloud, "choose", name=name, value=before)
