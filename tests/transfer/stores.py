"""Real storage servers for tests: Azurite."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from azure.core.credentials import AzureNamedKeyCredential

CACHE = Path(
    os.environ.get("ACR_TRANSFER_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acr-transfer"
)


def cached(pattern: str) -> Path:
    """A file that the set-up put into the user's cache."""
    found = sorted(CACHE.glob(pattern))
    assert found, f"{CACHE}/{pattern} does not exist: run `make test`, which installs it"
    return found[-1]


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Store:
    """One Azurite with one account."""

    account: str
    key: str = field(repr=False)
    port: int
    scheme: str = "http"
    log: Path = Path(os.devnull)
    """One line a request, written by the server."""

    pid: int = 0
    """The server's process."""

    @property
    def url(self) -> str:
        """The account's blob endpoint."""
        return f"{self.scheme}://localhost:{self.port}/{self.account}"

    def blocks_taken(self, name: str) -> list[str]:
        """The IDs of the blocks of a blob that the server accepted, in the order of its responses."""
        lines = re.findall(rf'"PUT /\S+/{name}\?(\S+) HTTP/1.1" 201', self.log.read_text())
        asked = [parse_qs(query) for query in lines]
        return [query["blockid"][0] for query in asked if query.get("comp") == ["block"]]

    def credential(self) -> AzureNamedKeyCredential:
        """The credential for its requests."""
        return AzureNamedKeyCredential(self.account, self.key)


@contextlib.contextmanager
def azurite(
    folder: Path, *accounts: str, certificate: tuple[Path, Path] | None = None, tokens: bool = False
) -> Iterator[list[Store]]:
    """An Azurite process with these accounts. `certificate`: chain and key."""
    keys = {account: base64.b64encode(secrets.token_bytes(64)).decode() for account in accounts}
    port = free_port()
    script = cached("azurite/*/node_modules/azurite/dist/src/blob/main.js")
    node = shutil.which("node")
    assert node, "node is not on PATH; Azurite needs it"
    call = [
        node,
        str(script),
        "--blobPort",
        str(port),
        "--location",
        str(folder),
        "--disableTelemetry",
    ]
    call += ["--skipApiVersionCheck"]
    if certificate:
        call += ["--cert", str(certificate[0]), "--key", str(certificate[1])]
    if tokens:
        # It checks audience, issuer and times of a token, not the signature.
        call += ["--oauth", "basic"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in keys.items())}
    log = (folder / "azurite.log").open("wb")
    with (
        log,
        subprocess.Popen(call, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            _wait_for(port, process)
            scheme = "https" if certificate else "http"
            place = (port, scheme, folder / "azurite.log", process.pid)
            yield [Store(name, key, *place) for name, key in keys.items()]
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "Azurite ended while starting"
        time.sleep(0.05)
    raise AssertionError("Azurite did not start within 30 s")
