"""Azurite, which serves blob storage for all storage accounts of one cloud. azurite.js starts it."""

import asyncio
import json
from pathlib import Path

from sandbox.arm import roles
from sandbox.cloud import certificates, processes
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json
from sandbox.cloud.paths import node
from sandbox.http.azure_errors import SandboxError
from sandbox.storage import blobs


class Azurite:
    """One cloud's blob storage."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.others: tuple[str, ...] = ()
        """The blob endpoints of the other clouds, without an account."""

        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._next_renewal: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start Azurite with the stored accounts; returns when it accepts requests."""
        paths, folder = self._cloud.paths, self._cloud.folder / "storage"
        port = str(self._cloud.ports.of("storage"))
        options = ["--blobHost", "127.0.0.1", "--blobPort", port, "--location", str(folder)]
        tls = ["--cert", str(certificates.server_chain(paths)), "--key", str(certificates.server_key(paths))]
        quiet = ["--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        script = str(Path(__file__).with_name("azurite.js"))
        self._process = await asyncio.create_subprocess_exec(
            *(node(), script, str(paths.azurite()), *options, *tls, *quiet),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        await self._send(blobs.state(self._cloud, self.others))
        await self._await_line("successfully listens", "Azurite did not start")

    async def renew(self) -> None:
        """Pass the current accounts, keys and permissions to Azurite; they apply when this returns.

        When a role assignment is not in effect yet, this is repeated as soon as it is.
        """
        # Before the state is read: an assignment that takes effect during the update is in the next one.
        if delay := roles.next_effective(self._cloud.resources, self._cloud.faults):
            self._renew_after(delay)
        async with self._turn:
            await self._send(blobs.state(self._cloud, self.others))
            await self._await_line("accounts", "Azurite did not accept the new accounts")

    async def stop(self) -> None:
        """Stop Azurite; everything written is on disk then.

        It ends when its standard input closes; after a signal it would wait for that input for ever.
        """
        if self._next_renewal:
            self._next_renewal.cancel()
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await processes.wait(self._process)

    def _renew_after(self, delay: float) -> None:
        async def renew() -> None:
            await asyncio.sleep(delay)
            self._next_renewal = None  # a renewal must not cancel itself
            await self.renew()

        if self._next_renewal:
            self._next_renewal.cancel()
        self._next_renewal = asyncio.create_task(renew())

    async def _send(self, state: Json) -> None:
        assert self._process
        assert self._process.stdin
        # Without any account Azurite would use its well-known one.
        unused = {
            "keys": blobs.keys(self._cloud, {"name": "none"}),
            "sharedKey": True,
            "open": True,
            "openToService": True,
        }
        accounts = state["accounts"] or {"none": {**unused, "audiences": [], "grants": {}}}
        self._process.stdin.write(f"{json.dumps({**state, 'accounts': accounts})}\n".encode())
        await self._process.stdin.drain()

    def _record(self, principal: str, account: str, container: str, right: str) -> None:
        place = "" if container == "-" else container
        action, scope, data = blobs.needed_action(self._cloud, account, place, right)
        self._cloud.needed_rights.record(principal, action, scope, data=data)

    async def _await_line(self, text: str, failure: str) -> None:
        assert self._process
        assert self._process.stdout
        async with asyncio.timeout(processes.START_TIMEOUT):
            while line := await self._process.stdout.readline():
                word, _, rest = line.decode().partition(" ")
                if word == "met":
                    self._cloud.faults.count(int(rest))
                if word == "needed":
                    self._record(*rest.split())
                if text in line.decode():
                    return
        raise SandboxError(f"{failure}; see {self._cloud.paths.log}.")
