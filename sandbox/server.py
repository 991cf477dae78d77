"""The process that serves both clouds until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
from functools import partial

import psutil
from aiohttp import web

from sandbox.arm import app, groups, registries, roles
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Request
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.cloud.ports import free_port
from sandbox.cloud.store import Json
from sandbox.entra import managed_identity
from sandbox.faults import control_endpoint
from sandbox.keyvault import data_plane
from sandbox.registry import proxy
from sandbox.storage import blobs
from sandbox.transfer.container_access import ContainerAccess
from sandbox.transfer.runs import TransferService
from sandbox.transfer.trigger import SourceTrigger


async def serve(paths: Paths) -> None:
    """Start both clouds, say where they are, and stop them on SIGTERM or SIGINT."""
    certificates.ensure(paths)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clouds = [Cloud(definition, paths) for definition in CLOUDS]
    for cloud in clouds:
        cloud.ports.refuse_taken()
    try:
        await asyncio.gather(*(_start(cloud, clouds) for cloud in clouds))
        endpoints = {"identity": await _identity(clouds), "control": await _control(clouds)}
        _announce(paths, clouds, endpoints)
        await stop.wait()
    finally:
        paths.running.unlink(missing_ok=True)
        await asyncio.gather(*(cloud.stop() for cloud in clouds))


async def _start(cloud: Cloud, clouds: list[Cloud]) -> None:
    """Bring one cloud up with all that its state names."""
    cloud.neighbours = clouds
    containers = ContainerAccess(cloud.tokens, cloud.definition.vault_audience, cloud.paths)
    cloud.runs = TransferService(cloud.store, cloud.faults, containers, cloud.registry)
    _ensure_group(cloud)
    roles.seed(cloud)
    names = [body["name"] for body in cloud.store.of_type("Microsoft.ContainerRegistry/registries")]
    await asyncio.gather(
        cloud.azurite.start(blobs.state(cloud)), *(_open_registry(cloud, name) for name in names)
    )
    for body in cloud.store.of_type("Microsoft.KeyVault/vaults"):
        await data_plane.open_vault(cloud, body["name"])
    await cloud.open("management", app.application(cloud), cloud.arm_port)
    if cloud.definition.registry not in names:
        await _existing_registry(cloud)
    await blobs.renew_grants(cloud)
    cloud.runs.resume()
    trigger = SourceTrigger(cloud.store, cloud.faults, containers, cloud.runs)
    cloud.spawn(asyncio.create_task(trigger.watch()))


def _ensure_group(cloud: Cloud) -> None:
    id = ResourceId(cloud.definition.subscription, cloud.definition.registry_group)
    state = {"provisioningState": "Succeeded"}
    body = {"id": str(id), "name": id.group, "type": groups.TYPE, "location": cloud.definition.location}
    if cloud.store.get(id) is None:
        cloud.store.put(id, groups.TYPE, {**body, "tags": {}, "properties": state})


async def _open_registry(cloud: Cloud, name: str) -> None:
    await cloud.start_registry(name)
    await proxy.open_registry(cloud, name)


async def _existing_registry(cloud: Cloud) -> None:
    """The registry that is there before anyone deploys, made the way that anyone would make it."""
    definition = cloud.definition
    id = ResourceId(
        definition.subscription,
        definition.registry_group,
        "Microsoft.ContainerRegistry",
        ("registries", definition.registry),
    )
    body = {"location": definition.location, "sku": {"name": "Premium"}}
    request = Request(cloud, "PUT", id, "2023-01-01-preview", definition.operator, body)
    await registries.put(request)


async def _identity(clouds: list[Cloud]) -> Json:
    password = secrets.token_hex(16)
    return await _local(managed_identity.application(clouds, password), password, "/msi/token")


async def _control(clouds: list[Cloud]) -> Json:
    password = secrets.token_hex(16)
    told = {cloud.definition.side: (cloud.faults, partial(blobs.renew, cloud)) for cloud in clouds}
    return await _local(control_endpoint.application(told, password), password, "/faults")


async def _local(application: web.Application, password: str, path: str) -> Json:
    """Serve what is for programs of this machine and user alone, who find the password in a private file."""
    port = free_port()
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return {"endpoint": f"http://127.0.0.1:{port}{path}", "header": password}


def _announce(paths: Paths, clouds: list[Cloud], endpoints: Json) -> None:
    """Write the addresses where the commands find them; whole or not at all."""
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
    """Serve; what goes wrong is in the log that `up` shows."""
    logging.basicConfig(level=logging.WARNING)
    # These print addresses with their signature at lower levels; they must never be asked to.
    for library in ("azure", "aiohttp.client", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)
    asyncio.run(serve(paths))
