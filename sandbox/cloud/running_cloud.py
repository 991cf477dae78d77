"""One running cloud: its servers, its endpoints and its background work."""

import asyncio
from dataclasses import dataclass
from functools import partial

import aiohttp
from aiohttp import web

from sandbox.cloud import certificates
from sandbox.cloud.cloud import HOST, REGISTRIES, VAULTS, Cloud
from sandbox.faults import injection
from sandbox.http import host_header
from sandbox.keyvault import data_plane
from sandbox.registry import permissions, proxy
from sandbox.registry.oci_client import OciClient
from sandbox.registry.server import RegistryServer
from sandbox.storage import blobs
from sandbox.storage.azurite import Azurite
from sandbox.transfer.container_access import ContainerAccess
from sandbox.transfer.runs import TransferService
from sandbox.transfer.trigger import SourceTrigger

_FAULT_ENDPOINTS = {"management": "arm"}
"""The name of an endpoint in faults, where it differs from the name of its port."""

_SHUTDOWN_TIMEOUT = 2.0
"""Seconds that a closing endpoint waits for active requests."""


@dataclass
class RunningCloud(Cloud):
    """A cloud that serves requests."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.azurite = Azurite(self)
        self.registries: dict[str, RegistryServer] = {}
        self._endpoints: dict[str, web.AppRunner] = {}
        audience, own_account = self.definition.vault_audience, partial(blobs.is_endpoint, self)
        containers = ContainerAccess(
            self.tokens, audience, self.paths, self.faults, own_account, self._is_vault
        )
        self.runs = TransferService(self.resources, self.faults, containers, self._registry_client)
        self._trigger = SourceTrigger(self.resources, self.faults, containers, self.runs)
        self._watch: asyncio.Task[None] | None = None

    async def start(self, management: web.Application) -> None:
        """Start the servers and endpoints of all stored resources."""
        registries = (self.start_registry(name) for name in self.names(REGISTRIES))
        await asyncio.gather(self.azurite.start(), *registries)
        for name in self.names(VAULTS):
            await self.open_vault(name)
        await self._open("management", management)

    async def resume(self) -> None:
        """Continue interrupted runs and start the source trigger."""
        await self.azurite.renew()
        self.runs.resume()
        self._watch = asyncio.create_task(self._trigger.watch())

    async def stop(self) -> None:
        """Stop everything; the state is kept."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.runs.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._endpoints.values()))
        await asyncio.gather(*(server.stop() for server in self.registries.values()), self.azurite.stop())
        self.database.close()

    async def start_registry(self, name: str) -> None:
        """Start a registry's server and open its endpoint."""
        folder = self.folder / "registries" / name.lower()
        server = RegistryServer(self.paths, folder, self.ports.of(f"registry-server/{name}"))
        await server.start(self.login_server(name), self.tokens.issuer, self.tokens.key_set)
        self.registries[name.lower()] = server
        await self._open(f"registry/{name.lower()}", proxy.application(self, name, server))

    async def delete_registry(self, name: str) -> None:
        """Close a registry's endpoint and delete its server with all content."""
        await self._close(f"registry/{name.lower()}")
        server = self.registries.pop(name.lower())
        await server.stop()
        server.remove()
        self.ports.forget(f"registry-server/{name}")

    async def open_vault(self, name: str) -> None:
        """Open a vault's endpoint."""
        await self._open(f"vault/{name.lower()}", data_plane.application(self, name))

    async def close_vault(self, name: str) -> None:
        """Close a vault's endpoint."""
        await self._close(f"vault/{name.lower()}")

    async def _open(self, name: str, application: web.Application) -> None:
        """Serve an application over TLS on its own port, with the cloud's faults applied."""
        kind = name.partition("/")[0]
        injection.install(application, self.faults, self.request_log, _FAULT_ENDPOINTS.get(kind, kind))
        body = host_header.registry_body if kind == "registry" else host_header.azure_body
        host_header.require_own_host(application, body)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await runner.setup()
        context = certificates.server_context(self.paths)
        await web.TCPSite(runner, HOST, self.ports.of(name), ssl_context=context).start()
        self._endpoints[name] = runner

    async def _close(self, name: str) -> None:
        if runner := self._endpoints.pop(name, None):
            await runner.cleanup()
        self.ports.forget(name)

    def _is_vault(self, url: str) -> bool:
        """Whether a URL belongs to a vault of this cloud."""
        return any(url.startswith(f"{self.vault_url(name)}/") for name in self.names(VAULTS))

    def _registry_client(self, session: aiohttp.ClientSession, name: str, principal: str) -> OciClient:
        """The transfer service's client of a registry server, which checks its tokens too.

        `principal` is the pipeline's, whose roles count if the registry has repository permissions.
        """
        url, own_roles = self.registries[name.lower()].url, self.faults.choice("abac-pipeline") == "role"
        if own_roles and permissions.has_repository_permissions(self, name):
            return OciClient(session, url, partial(permissions.header, self, name, principal))
        return OciClient(session, url, lambda *repositories: self.authorise(name, *repositories))
