"""For tests alone: registry clients that people have, and OCI's test of registries, from Go modules."""

from __future__ import annotations

from setup.folders import whole_folder
from setup.go import go
from setup.paths import cache
from setup.prerequisites import GO

VERSION = "2026-11"
"""Names the set below; a change of it needs a new one."""

MODULES = (
    "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "github.com/regclient/regclient/cmd/regctl@v0.11.7",
    "oras.land/oras/cmd/oras@v1.3.6",
    "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111",
)
NAME = "the registry clients crane, regctl and oras, and OCI's conformance test"
ABOUT = "1 to 2 minutes on 2 cores, once a machine, for one test alone"
LOCK = cache() / "peers" / ".lock"
NEEDS = GO
FOLDER = cache() / "peers" / VERSION / "bin"


def current() -> bool:
    """Tell whether they are in the cache."""
    return FOLDER.is_dir()


def install() -> None:
    """Build all of them into the cache."""
    with whole_folder(FOLDER.parent) as folder:
        for module in MODULES:
            env = {"GOBIN": str(folder / "bin")}
            go("install", "-trimpath", "-ldflags", "-s -w", module, log="peers", folder=folder, env=env)
