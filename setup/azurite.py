"""The sandbox's storage: Azurite, Microsoft's storage emulator, from npm.

https://learn.microsoft.com/azure/storage/common/storage-use-azurite
"""

from __future__ import annotations

from setup.command import run
from setup.folders import whole_folder
from setup.paths import cache
from setup.prerequisites import NODE

VERSION = "3.37.0"
SERVED_BEFORE = "2026-11-01"
"""npm takes no release later than this day, which pins what Azurite itself depends on."""

NAME = f"the storage server Azurite {VERSION}"
ABOUT = "1 minute, once a machine"
LOCK = cache() / "azurite" / ".lock"
NEEDS = NODE
_FOLDER = cache() / "azurite" / VERSION


def current() -> bool:
    """Tell whether Azurite is in the cache."""
    return (_FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js").is_file()


def install() -> None:
    """Install Azurite and what it depends on into the cache."""
    with whole_folder(_FOLDER) as folder:
        # npm installs into the nearest folder above that has a package.json.
        (folder / "package.json").write_text('{"private": true}\n')
        quiet = ["--no-audit", "--no-fund", "--no-package-lock"]
        run(
            ["npm", "install", "--before", SERVED_BEFORE, *quiet, f"azurite@{VERSION}"],
            log="azurite",
            folder=folder,
        )
