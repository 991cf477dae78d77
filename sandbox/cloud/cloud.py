"""One cloud: its state, its servers and its doors, put together."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud import certificates
from sandbox.cloud.definitions import CloudDefinition
from sandbox.cloud.paths import Paths
from sandbox.cloud.ports import Ports
from sandbox.cloud.servers import Azurite, RegistryServer
from sandbox.cloud.store import Json, Store
from sandbox.entra.tokens import Tokens
from sandbox.faults import injection
from sandbox.faults.state import Faults
from sandbox.registry.oci_client import OciClient

if TYPE_CHECKING:
    from sandbox.transfer.runs import TransferService

HOST = "localhost"
REGISTRY_HOST = "127.0.0.1"
"""Some registry clients take it that a registry called `localhost` has no TLS (see docs/adr/0030)."""

_DOORS = {"management": "arm"}
"""What faults call a door, where it differs from what its port is called."""
_LAST_ANSWERS = 2.0
"""Seconds that a door gives to requests under way when it shuts."""


@dataclass
class Cloud:
    """What the doors of one cloud share. Two clouds share nothing but the machine."""

    definition: CloudDefinition
    paths: Paths
    runs: TransferService = field(init=False, repr=False, compare=False)
    """The transfer service; only a serving cloud has one."""

    neighbours: list[Cloud] = field(default_factory=list)
    """All clouds of the sandbox, which a metadata document may list."""

    def __post_init__(self) -> None:
        folder = self.paths.state / self.definition.side
        self.store = Store(folder)
        self.faults = Faults(self.store)
        self.tokens = Tokens(self.definition, folder, self.faults.time)
        self.ports = Ports(self.store)
        self.azurite = Azurite(self.paths, folder / "storage", self.ports.of("storage"), self.faults.count)
        self.registries: dict[str, RegistryServer] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.doors: dict[str, web.AppRunner] = {}
        self.arm_port = self.ports.of("management")
        self._folder = folder

    @property
    def arm(self) -> str:
        """The base of all management requests, and with a slash the audience of their tokens."""
        return f"https://{HOST}:{self.arm_port}"

    @property
    def audience(self) -> str:
        """What a token for management requests is issued for."""
        return self.arm + "/"

    @property
    def authority(self) -> str:
        """Where one signs in to this cloud's tenant."""
        return f"{self.arm}/{self.definition.tenant}"

    @property
    def operator_secret(self) -> str:
        """The client secret of the one who calls from this machine; the same on every start."""
        return self.tokens.secret_for("operator").hex()

    def operator_token(self, audience: str) -> str:
        """A token of the one who calls from this machine."""
        return self.tokens.issue(self.definition.operator, audience, idtyp="app")

    async def open(self, name: str, application: web.Application, port: int) -> None:
        """Serve an application over TLS on a port of its own; the cloud's faults are played before it."""
        kind = name.partition("/")[0]
        door = _DOORS.get(kind, kind)
        injection.install(application, self.faults, self.store, door)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_LAST_ANSWERS)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, ssl_context=certificates.server_context(self.paths)).start()
        self.doors[name] = runner

    async def shut(self, name: str) -> None:
        """Stop serving one application and forget its port."""
        if runner := self.doors.pop(name, None):
            await runner.cleanup()
        self.store.forget_port(name)

    def spawn(self, work: asyncio.Task[None]) -> None:
        """Keep a background task until it ends."""
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)

    async def start_registry(self, name: str) -> str:
        """Start a registry's server; the answer is its login server. Its front door opens separately."""
        login_server = self.login_server(name)
        server = RegistryServer(
            self.paths, self._folder / "registries" / name.lower(), self.ports.of(f"registry-server/{name}")
        )
        await server.start(login_server, self.tokens.issuer, self.tokens.key_set)
        self.registries[name.lower()] = server
        return login_server

    async def end_registry(self, name: str) -> None:
        """A registry goes with its door, its server and all that it holds."""
        await self.shut(f"registry/{name.lower()}")
        server = self.registries.pop(name.lower())
        await server.stop()
        server.remove()
        self.store.forget_port(f"registry-server/{name}")

    def expected_doors(self) -> list[str]:
        """What answers at a port of its own while this cloud is up."""
        registries = [body["name"] for body in self.store.of_type("Microsoft.ContainerRegistry/registries")]
        vaults = [body["name"] for body in self.store.of_type("Microsoft.KeyVault/vaults")]
        fronts = [f"registry/{name.lower()}" for name in registries]
        servers = [f"registry-server/{name}" for name in registries]
        return ["management", "storage", *fronts, *servers, *(f"vault/{name.lower()}" for name in vaults)]

    def login_server(self, name: str) -> str:
        """Host and port of a registry's front door."""
        kept = self.store.port(f"registry/{name.lower()}")
        return f"{REGISTRY_HOST}:{kept or self.ports.of(f'registry/{name.lower()}')}"

    def registry(self, session: aiohttp.ClientSession, name: str) -> OciClient:
        """The transfer service's own way into a registry: with tokens that its server checks too."""
        server = self.registries[name.lower()]
        return OciClient(session, server.url, lambda *repositories: self.authorise(name, *repositories))

    def authorise(self, registry: str, *repositories: str) -> dict[str, str]:
        """A header that lets its bearer pull from and push to some repositories."""
        actions = ["pull", "push"]
        access = [{"type": "repository", "name": name, "actions": actions} for name in repositories]
        audience = self.login_server(registry)
        token = self.tokens.issue("acr-transfer-service", audience, seconds=3600, access=access)
        return {"Authorization": f"Bearer {token}"}

    async def stop(self) -> None:
        """End all that was started; the state stays."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if hasattr(self, "runs"):
            await self.runs.close()
        await asyncio.gather(*(runner.cleanup() for runner in self.doors.values()))
        await asyncio.gather(*(server.stop() for server in self.registries.values()), self.azurite.stop())
        self.store.close()


def new_id() -> str:
    """A GUID for what Azure would name so."""
    return str(uuid.uuid4())


def group_of(cloud: Cloud, id: ResourceId) -> Json | None:
    """The resource group that an ID lies in."""
    return cloud.store.get(ResourceId(id.subscription, id.group))
