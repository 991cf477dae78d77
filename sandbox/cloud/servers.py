"""The real servers that a cloud stands on: Azurite for storage, a distribution server a registry."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.cloud import certificates
from sandbox.cloud.paths import Paths, node
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import SandboxError

_PATIENCE = 60.0
"""Seconds that a server may take to start on a busy machine."""


class Azurite:
    """One cloud's blob storage, for all its accounts."""

    def __init__(
        self, paths: Paths, folder: Path, port: int, met: Callable[[int], object] | None = None
    ) -> None:
        """`met` is called with the number of a fault each time that a request meets it."""
        self._places, self._folder, self.port, self._met = paths, folder, port, met
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._seed = _secret_file(folder / "account-keys.seed")

    def keys(self, account: str, generations: Sequence[int] = (0, 0)) -> tuple[str, str]:
        """The account's two keys, base64 of 64 bytes; made from the sandbox's own secret, never stored.

        `generations` says how often each was made anew.
        """
        named = [f"{account}/{number}" for number in (1, 2)]
        whole = [f"{name}/{made}" if made else name for name, made in zip(named, generations, strict=True)]
        first, second = (hmac.digest(self._seed, name.encode(), hashlib.sha512) for name in whole)
        return base64.b64encode(first).decode(), base64.b64encode(second).decode()

    async def start(self, state: Json) -> None:
        """Start with these accounts and rights (see azurite.js); returns when it answers."""
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location", str(self._folder)]
        trust = ["--cert", str(certificates.server_chain(self._places))]
        trust += ["--key", str(certificates.server_key(self._places))]
        quiet = ["--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        script = str(Path(__file__).parents[1] / "storage" / "azurite.js")
        self._process = await asyncio.create_subprocess_exec(
            *(node(), script, str(self._places.azurite()), *options, *trust, *quiet),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        await self._tell(state)
        await self._line("successfully listens", "Azurite did not start")

    async def renew(self, state: Json) -> None:
        """Take over other accounts, keys and rights; they hold when this returns."""
        async with self._turn:
            await self._tell(state)
            await self._line("accounts", "Azurite did not take the new accounts")

    async def stop(self) -> None:
        """End it; what was written is on disk then.

        It ends when its standard input does; told by a signal, it would wait for that input for ever.
        """
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await _ended(self._process)

    async def _tell(self, state: Json) -> None:
        assert self._process
        assert self._process.stdin
        # Without any account Azurite would fall back to its well-known one.
        nobody = {"keys": self.keys("none"), "sharedKey": True, "open": True, "audiences": [], "grants": {}}
        whole = {**state, "accounts": state["accounts"] or {"none": nobody}}
        self._process.stdin.write(f"{json.dumps(whole)}\n".encode())
        await self._process.stdin.drain()

    async def _line(self, word: str, otherwise: str) -> None:
        assert self._process
        assert self._process.stdout
        async with asyncio.timeout(_PATIENCE):
            while line := await self._process.stdout.readline():
                first, _, rest = line.decode().partition(" ")
                if first == "met" and self._met:
                    self._met(int(rest))
                if word in line.decode():
                    return
        raise SandboxError(f"{otherwise}; see {self._places.log}.")


class RegistryServer:
    """One registry: the distribution project's server, on loopback behind the registry's own door."""

    def __init__(self, paths: Paths, folder: Path, port: int) -> None:
        self._places, self._folder, self.port = paths, folder, port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def images(self) -> Path:
        """The folder that it keeps its content in."""
        return self._folder / "images"

    @property
    def url(self) -> str:
        """Where it listens, without TLS, on this machine alone."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, login_server: str, issuer: str, key_set: Path) -> None:
        """Start it for one login server; it checks every token against the cloud's public key itself."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "configuration.yml"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(login_server, issuer, key_set))
        self._process = await asyncio.create_subprocess_exec(
            *(str(self._places.registry()), "serve", str(configuration)),
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )
        await self._answers()

    async def stop(self) -> None:
        """End it; what was pushed is on disk."""
        if self._process:
            await _end(self._process)

    def remove(self) -> None:
        """Throw away what it held; it has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _answers(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                if self._process and self._process.returncode is not None:
                    raise SandboxError(f"The registry server did not start; see {self._places.log}.")
                await asyncio.sleep(0.02)

    def _configuration(self, login_server: str, issuer: str, key_set: Path) -> str:
        return f"""\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{self.images}"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{self.port}", relativeurls: true, secret: {secrets.token_hex(32)}}}
auth:
  token:
    realm: "https://{login_server}/oauth2/token"
    service: "{login_server}"
    issuer: "{issuer}"
    jwks: "{key_set}"
validation: {{manifests: {{urls: {{allow: ["^https?://"]}}}}}}
"""


def _secret_file(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(64))
    return path.read_bytes()


def _end_with_parent() -> Callable[[], object] | None:
    """On Linux the kernel ends a server whose sandbox was killed; elsewhere `down` finds it by its record."""
    if sys.platform != "linux":
        return None
    prctl, set_parent_death_signal = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(set_parent_death_signal, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process that was asked to end; one that takes too long is killed."""
    with contextlib.suppress(ProcessLookupError):
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
