"""The endpoint that changes the faults of a running sandbox."""

import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from sandbox.faults.fault import InjectedFault, Json
from sandbox.faults.state import Faults
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError, SandboxError

_ORDERS: Mapping[str, Callable[[Faults, Json], object]] = {
    "set": lambda faults, order: faults.add(InjectedFault.parse(order["fault"])),
    "lift": lambda faults, order: faults.lift(int(order["id"])),
    "clock": lambda faults, order: faults.set_clock(order["seconds"]),
    "grants": lambda faults, order: faults.set_grants(order["seconds"]),
    "choose": lambda faults, order: faults.choose(order["name"], order["value"]),
    "reset": lambda faults, order: faults.reset(),
    "list": lambda faults, order: None,
}


def application(
    clouds: Mapping[str, tuple[Faults, Callable[[], Awaitable[None]]]], password: str
) -> web.Application:
    """The endpoint for the faults of each cloud, with the function that passes them on to storage."""

    async def serve(request: web.Request) -> web.Response:
        if request.headers.get("X-SANDBOX") != password:
            return web.json_response({"error": "X-SANDBOX is missing or wrong."}, status=401)
        try:
            order = json.loads(await request_body.text(request))
            faults, renew = clouds[order["cloud"]]
            result = _ORDERS[order["do"]](faults, order)
        except (AzureError, SandboxError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            reason = f"The order is incomplete or has a value of the wrong type ({type(error).__name__})."
            return web.json_response({"error": reason}, status=400)
        await renew()
        return web.json_response({"result": result, **faults.json()})

    app = web.Application()
    app.router.add_post("/faults", serve)
    return app
