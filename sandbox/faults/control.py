"""Changes the faults of a running sandbox."""

import json
import urllib.error
import urllib.request
from typing import Any

from sandbox.cloud.paths import Paths
from sandbox.faults.fault import InjectedFault, Json
from sandbox.http.azure_errors import SandboxError
from sandbox.lifecycle import require_running


def send_order(paths: Paths, cloud: str, do: str, **arguments: Any) -> Json:
    """Send an order, which is in effect on return; returns all settings. Raises SandboxError."""
    control = require_running(paths)["control"]
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


def set_fault(paths: Paths, cloud: str, fault: InjectedFault) -> int:
    """Add a fault to a cloud; returns its number."""
    return int(send_order(paths, cloud, "set", fault=fault.json())["result"])
