"""Where the sandbox keeps its state, and where the programs it stands on are found."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.http.azure_errors import SandboxError

CHECKOUT = Path(__file__).resolve().parents[2]
PULUMI_VERSIONS = ("v3.259.0", "v3.258.0")
REGISTRY_VERSION = "v3.1.2"
AZURITE_VERSION = "3.37.0"


@dataclass(frozen=True)
class Paths:
    """Folders of one sandbox. State is private to the user and outside the checkout: it holds keys."""

    state: Path
    cache: Path

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Paths:
        """The paths for this checkout; `ACR_TRANSFER_SANDBOX` and `ACR_TRANSFER_CACHE` override them."""
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
        """Names the process that serves this sandbox, and its addresses."""
        return self.state / "running.json"

    @property
    def log(self) -> Path:
        """What the serving process printed; it never holds a secret."""
        return self.state / "sandbox.log"

    @property
    def authority(self) -> Path:
        """The local certificate authority, alone."""
        return self.state / "ca.pem"

    @property
    def bundle(self) -> Path:
        """The system's authorities and ours: what clients are told to trust."""
        return self.state / "ca-bundle.pem"

    @property
    def programs(self) -> Path:
        """The folder that `env` puts first on PATH."""
        return self.state / "bin"

    def pulumi(self) -> Path | None:
        """The Pulumi CLI built for this project, where there is one."""
        built = (self.cache / "pulumi" / version / "bin" / "pulumi" for version in PULUMI_VERSIONS)
        return next((path for path in built if path.exists()), None)

    def registry(self) -> Path:
        """The registry server."""
        return _present(self.cache / "registry" / REGISTRY_VERSION / "bin" / "registry")

    def azurite(self) -> Path:
        """Azurite's package folder."""
        return _present(self.cache / "azurite" / AZURITE_VERSION / "node_modules" / "azurite")


def node() -> str:
    """Node's executable."""
    found = shutil.which("node")
    if not found:
        raise SandboxError("Node.js is not on PATH; Azurite needs it. Install it, then run `make install`.")
    return found


def _present(path: Path) -> Path:
    if not path.exists():
        raise SandboxError(f"{path} is not there. Run `make install`, which builds or fetches it.")
    return path
