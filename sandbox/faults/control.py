"""How a running sandbox is told what shall go wrong: its own endpoint, and the functions that call it.

The command `python -m sandbox fault` and the tests use the same functions.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from sandbox.errors import SandboxError
from sandbox.faults.model import Fault, Json
from sandbox.faults.state import Faults
from sandbox.lifecycle import require_running
from sandbox.places import Places

_ORDERS: Mapping[str, Callable[[Faults, Json], object]] = {
    "set": lambda faults, order: faults.set(Fault.read(order["fault"])),
    "lift": lambda faults, order: faults.lift(int(order["id"])),
    "clock": lambda faults, order: faults.set_clock(float(order["seconds"])),
    "grants": lambda faults, order: faults.set_grants(float(order["seconds"])),
    "choose": lambda faults, order: faults.choose(order["name"], order["value"]),
    "reset": lambda faults, order: faults.reset(),
    "list": lambda faults, order: None,
}


def application(
    clouds: Mapping[str, tuple[Faults, Callable[[], Awaitable[None]]]], password: str
) -> web.Application:
    """The endpoint: for each cloud its faults, and what makes them hold in its storage."""

    async def serve(request: web.Request) -> web.Response:
        if request.headers.get("X-SANDBOX") != password:
            return web.json_response({"error": "X-SANDBOX is missing or wrong."}, status=401)
        order = await request.json()
        try:
            faults, renew = clouds[order["cloud"]]
            done = _ORDERS[order["do"]](faults, order)
        except SandboxError as error:
            return web.json_response({"error": str(error)}, status=400)
        await renew()
        return web.json_response({"done": done, **faults.json()})

    app = web.Application()
    app.router.add_post("/faults", serve)
    return app


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
def choice(places: Places, cloud: str, name: str, value: str) -> Iterator[None]:
    """An open point played another way for as long as the block lasts."""
    before = tell(places, cloud, "list")["choices"][name]
    tell(places, cloud, "choose", name=name, value=value)
    try:
        yield
    finally:
        tell(places, cloud, "choose", name=name, value=before)
