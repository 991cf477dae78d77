"""The sandbox's registry server: CNCF Distribution, built from its Go module.

https://distribution.github.io/distribution/
"""

from __future__ import annotations

from setup.folders import whole_folder
from setup.go import go
from setup.paths import cache
from setup.prerequisites import GO

VERSION = "v3.1.2"
NAME = f"the registry server Distribution {VERSION}"
ABOUT = "1 to 2 minutes on 2 cores, once a machine"
LOCK = cache() / "registry" / ".lock"
NEEDS = GO
_FOLDER = cache() / "registry" / VERSION


def current() -> bool:
    """Tell whether the server is in the cache."""
    return (_FOLDER / "bin" / "registry").is_file()


def install() -> None:
    """Build the server into the cache."""
    with whole_folder(_FOLDER) as folder:
        package = f"github.com/distribution/distribution/v3/cmd/registry@{VERSION}"
        env = {"GOBIN": str(folder / "bin")}
        go("install", "-trimpath", "-ldflags", "-s -w", package, log="registry", folder=folder, env=env)
