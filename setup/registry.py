"""CNCF Distribution, built from its Go module: the registry server of the sandbox.

https://distribution.github.io/distribution/
"""

from setup.go import go_install
from setup.paths import VERSIONS, cache
from setup.prerequisites import GO

VERSION: str = VERSIONS["registry"]
NAME = f"the registry server Distribution {VERSION}"
DURATION = "1 to 2 minutes on 2 cores, once per machine"
LOCK = cache() / "registry" / ".lock"
NEEDS = GO
_FOLDER = cache() / "registry" / VERSION


def current() -> bool:
    """Return whether the server is in the cache."""
    return (_FOLDER / "bin" / "registry").is_file()


def install() -> None:
    """Build the server into the cache."""
    go_install(_FOLDER, f"github.com/distribution/distribution/v3/cmd/registry@{VERSION}", log="registry")
