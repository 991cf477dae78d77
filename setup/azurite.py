"""Azurite, Microsoft's storage emulator, from npm: the storage server of the sandbox.

https://learn.microsoft.com/azure/storage/common/storage-use-azurite
"""

from pathlib import Path

from setup.command import run
from setup.folders import whole_folder
from setup.paths import VERSIONS, cache
from setup.prerequisites import NODE

VERSION: str = VERSIONS["azurite"]
RELEASED_BEFORE = "2026-11-01"
"""npm ignores releases after this day, which pins the dependencies of a package."""

NAME = f"the storage server Azurite {VERSION}"
DURATION = "1 minute, once per machine"
LOCK = cache() / "azurite" / ".lock"
NEEDS = NODE
_FOLDER = cache() / "azurite" / VERSION


def current() -> bool:
    """Return whether Azurite is in the cache."""
    return (_FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js").is_file()


def install() -> None:
    """Install Azurite and its dependencies into the cache."""
    npm_install("azurite", VERSION, _FOLDER)


def npm_install(package: str, version: str, target: Path, *options: str) -> None:
    """Install an npm package and its dependencies into a new folder."""
    with whole_folder(target) as folder:
        # npm installs into the nearest parent folder with a package.json.
        (folder / "package.json").write_text('{"private": true}\n')
        quiet = ["--no-audit", "--no-fund", "--no-package-lock", *options]
        command = ["npm", "install", "--before", RELEASED_BEFORE, *quiet, f"{package}@{version}"]
        run(command, log=target.parent.name, folder=folder)
