"""The folders of a sandbox: its state, and the programs that `python3 -m setup` installed."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.http.azure_errors import SandboxError

CHECKOUT = Path(__file__).resolve().parents[2]
VERSIONS = CHECKOUT / "setup" / "versions.json"
"""The versions of the installed programs, as set-up pins them."""


@dataclass(frozen=True)
class Paths:
    """The folders of one sandbox. Its state has keys, so it is private and outside of the checkout."""

    state: Path
    cache: Path

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> "Paths":
        """The folders for this checkout, unless `ACR_TRANSFER_SANDBOX` or `ACR_TRANSFER_CACHE` is set."""
        home = Path.home()
        states = Path(environ.get("XDG_STATE_HOME") or home / ".local/state") / "acr-transfer"
        own = states / f"sandbox-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]}"
        caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "acr-transfer"
        return cls(
            state=Path(environ.get("ACR_TRANSFER_SANDBOX") or own).absolute(),
            cache=Path(environ.get("ACR_TRANSFER_CACHE") or caches).absolute(),
        )

    @property
    def running(self) -> Path:
        """The serving process and its addresses."""
        return self.state / "running.json"

    @property
    def log(self) -> Path:
        """The output of the serving process, without secrets."""
        return self.state / "sandbox.log"

    @property
    def authority(self) -> Path:
        """The certificate of the local certificate authority."""
        return self.state / "ca.pem"

    @property
    def bundle(self) -> Path:
        """The certificates of the system's authorities and of the local one, for clients."""
        return self.state / "ca-bundle.pem"

    @property
    def programs(self) -> Path:
        """The folder that `env` puts first on PATH."""
        return self.state / "bin"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's folder for plugins, in place of the user's `~/.pulumi`."""
        return self.state / "pulumi"

    def pulumi(self) -> Path | None:
        """The Pulumi CLI that set-up built; None if the user has another one."""
        built = (self.cache / "pulumi" / version / "bin" / "pulumi" for version in _versions()["pulumi"])
        return next((path for path in built if path.exists()), None)

    def registry(self) -> Path:
        """The registry server."""
        return _installed(self.cache / "registry" / _versions()["registry"] / "bin" / "registry")

    def azurite(self) -> Path:
        """Azurite's package folder."""
        return _installed(self.cache / "azurite" / _versions()["azurite"] / "node_modules" / "azurite")


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VERSIONS.read_text())
    return found


def node() -> str:
    """The executable of Node.js."""
    found = shutil.which("node")
    if not found:
        raise SandboxError("Node.js is not on PATH; Azurite needs it. Install it, then run `make install`.")
    return found


def _installed(path: Path) -> Path:
    if not path.exists():
        raise SandboxError(f"{path} does not exist. Install it: `make install`.")
    return path
