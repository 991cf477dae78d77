"""Pulumi's SDK for Node.js, for tests: a TypeScript program uses the components.

https://www.npmjs.com/package/@pulumi/pulumi
"""

from setup.azurite import npm_install
from setup.paths import cache
from setup.prerequisites import NODE

VERSION = "3.270.0"
NAME = f"Pulumi's SDK for Node.js {VERSION}"
DURATION = "half a minute, once per machine, for tests"
LOCK = cache() / "node-sdk" / ".lock"
NEEDS = NODE
_FOLDER = cache() / "node-sdk" / VERSION


def current() -> bool:
    """Return whether the SDK is in the cache."""
    return (_FOLDER / "node_modules" / "@pulumi" / "pulumi" / "index.js").is_file()


def install() -> None:
    """Install the SDK and its dependencies into the cache, without running their scripts."""
    npm_install("@pulumi/pulumi", VERSION, _FOLDER, "--ignore-scripts")
