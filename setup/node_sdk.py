"""For tests alone: Pulumi's SDK for Node.js, by which a program in another language uses the components.

https://www.npmjs.com/package/@pulumi/pulumi
"""

from __future__ import annotations

from setup.azurite import SERVED_BEFORE
from setup.command import run
from setup.folders import whole_folder
from setup.paths import cache
from setup.prerequisites import NODE

VERSION = "3.270.0"
NAME = f"Pulumi's SDK for Node.js {VERSION}"
ABOUT = "half a minute, once a machine, for tests alone"
LOCK = cache() / "node-sdk" / ".lock"
NEEDS = NODE
_FOLDER = cache() / "node-sdk" / VERSION


def current() -> bool:
    """Tell whether the SDK is in the cache."""
    return (_FOLDER / "node_modules" / "@pulumi" / "pulumi" / "index.js").is_file()


def install() -> None:
    """Install the SDK and what it depends on into the cache, without running any of it."""
    with whole_folder(_FOLDER) as folder:
        (folder / "package.json").write_text('{"private": true}\n')
        quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        run(
            ["npm", "install", "--before", SERVED_BEFORE, *quiet, f"@pulumi/pulumi@{VERSION}"],
            log="node-sdk",
            folder=folder,
        )
