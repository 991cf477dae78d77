"""The process that stores the content of one registry: CNCF Distribution, on loopback without TLS."""

import asyncio
import contextlib
import os
import secrets
import shutil
from pathlib import Path

from sandbox.cloud import processes
from sandbox.cloud.paths import Paths
from sandbox.http.azure_errors import SandboxError


class RegistryServer:
    """One registry's server."""

    def __init__(self, paths: Paths, folder: Path, port: int) -> None:
        self._paths, self._folder, self._port = paths, folder, port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def images(self) -> Path:
        """The folder of its content."""
        return self._folder / "images"

    @property
    def url(self) -> str:
        """Its URL on this machine."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self, login_server: str, issuer: str, key_set: Path) -> None:
        """Start it for a login server. It checks the tokens of all requests with the cloud's public key."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "configuration.yml"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(login_server, issuer, key_set))
        self._process = await asyncio.create_subprocess_exec(
            *(str(self._paths.registry()), "serve", str(configuration)),
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            start_new_session=True,
            preexec_fn=processes.end_with_parent(),
        )
        await self._await_start(self._process)

    async def stop(self) -> None:
        """Stop it; everything pushed is on disk."""
        if self._process:
            await processes.terminate(self._process)

    def remove(self) -> None:
        """Delete the content of a stopped server."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _await_start(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(processes.START_TIMEOUT):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)
        raise SandboxError(f"The registry server did not start; see {self._paths.log}.")

    def _configuration(self, login_server: str, issuer: str, key_set: Path) -> str:
        return f"""\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{self.images}"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{self._port}", relativeurls: true, secret: {secrets.token_hex(32)}}}
auth:
  token:
    realm: "https://{login_server}/oauth2/token"
    service: "{login_server}"
    issuer: "{issuer}"
    jwks: "{key_set}"
validation: {{manifests: {{urls: {{allow: ["^https?://"]}}}}}}
"""
