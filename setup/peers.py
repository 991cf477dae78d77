"""Registry clients and OCI's conformance test of registries, from Go modules, for one test."""

from setup.go import go_install
from setup.paths import cache
from setup.prerequisites import GO

VERSION = "2026-11"
"""The version of the set below; change it with the set."""

MODULES = (
    "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "github.com/regclient/regclient/cmd/regctl@v0.11.7",
    "oras.land/oras/cmd/oras@v1.3.6",
    "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111",
)
NAME = "the registry clients crane, regctl and oras, and OCI's conformance test"
DURATION = "1 to 2 minutes on 2 cores, once per machine, for one test"
LOCK = cache() / "peers" / ".lock"
NEEDS = GO
FOLDER = cache() / "peers" / VERSION / "bin"


def current() -> bool:
    """Return whether all of them are in the cache."""
    return FOLDER.is_dir()


def install() -> None:
    """Build all of them into the cache."""
    go_install(FOLDER.parent, *MODULES, log="peers")
