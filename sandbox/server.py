"""The process that serves both clouds until it is stopped."""

import asyncio
import json
import logging
import secrets
import signal
from collections.abc import Callable
from functools import partial

import psutil
from aiohttp import web

from sandbox.arm import app, groups, registries, roles
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Request
from sandbox.cloud import certificates
from sandbox.cloud.cloud import REGISTRIES
from sandbox.cloud.database import Json
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.cloud.ports import free_port
from sandbox.cloud.running_cloud import RunningCloud
from sandbox.entra import managed_identity
from sandbox.faults import control_endpoint
from sandbox.http import host_header
from sandbox.storage import blobs


async def serve(paths: Paths) -> None:
    """Start both clouds, write their addresses to `running.json`, and stop them on SIGTERM or SIGINT."""
    certificates.ensure(paths)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clouds = [RunningCloud(definition, paths) for definition in CLOUDS]
    for cloud in clouds:
        cloud.ports.require_free()
        cloud.azurite.others = tuple(blobs.endpoint(other) for other in clouds if other is not cloud)
    try:
        await asyncio.gather(*(_start(cloud, clouds) for cloud in clouds))
        faults = {cloud.definition.side: (cloud.faults, cloud.azurite.renew) for cloud in clouds}
        identity = await _serve_locally(partial(managed_identity.application, clouds), "/msi/token")
        control = await _serve_locally(partial(control_endpoint.application, faults), "/faults")
        _announce(paths, clouds, {"identity": identity, "control": control})
        await stop.wait()
    finally:
        paths.running.unlink(missing_ok=True)
        await asyncio.gather(*(cloud.stop() for cloud in clouds))


async def _start(cloud: RunningCloud, clouds: list[RunningCloud]) -> None:
    _ensure_group(cloud)
    roles.seed(cloud)
    await cloud.start(app.application(cloud, clouds))
    if cloud.definition.registry not in cloud.names(REGISTRIES):
        await _create_registry(cloud)
    await cloud.resume()


def _ensure_group(cloud: RunningCloud) -> None:
    id = ResourceId(cloud.definition.subscription, cloud.definition.registry_group)
    state = {"provisioningState": "Succeeded"}
    body = {"id": str(id), "name": id.group, "type": groups.TYPE, "location": cloud.definition.location}
    if cloud.resources.get(id) is None:
        cloud.resources.put(id, groups.TYPE, {**body, "tags": {}, "properties": state})


async def _create_registry(cloud: RunningCloud) -> None:
    """Create the predefined registry by the ARM handler."""
    definition = cloud.definition
    segments = ("registries", definition.registry)
    id = ResourceId(
        definition.subscription, definition.registry_group, "Microsoft.ContainerRegistry", segments
    )
    body = {"location": definition.location, "sku": {"name": "Premium"}}
    await registries.put(Request(cloud, "PUT", id, "2023-01-01-preview", definition.operator, body))


async def _serve_locally(create: Callable[[str], web.Application], path: str) -> Json:
    """Serve an application for this user's programs only, which read its password from a private file."""
    port, password = free_port(), secrets.token_hex(16)
    application = create(password)
    host_header.require_own_host(application, host_header.local_body)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return {"endpoint": f"http://127.0.0.1:{port}{path}", "header": password}


def _announce(paths: Paths, clouds: list[RunningCloud], endpoints: Json) -> None:
    """Write the addresses for the commands, atomically."""
    me = psutil.Process()
    running = {
        "process": me.pid,
        "started": me.create_time(),
        **endpoints,
        "arm": {cloud.definition.side: cloud.arm for cloud in clouds},
    }
    draft = paths.running.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(running))
    draft.replace(paths.running)


def main(paths: Paths) -> None:
    """Serve; errors go to the log that `up` shows."""
    logging.basicConfig(level=logging.WARNING)
    # At lower levels these log URLs with their SAS signature.
    for library in ("azure", "aiohttp.client", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)
    asyncio.run(serve(paths))
