"""For a test alone: the Azure CLI, in an environment of its own, for its packages are not this project's.

https://pypi.org/project/azure-cli
"""

from __future__ import annotations

import sys

from setup.command import run
from setup.folders import remove
from setup.paths import CHECKOUT, cache
from setup.prerequisites import VENV

VERSION = "2.91.0"
NAME = f"the Azure CLI {VERSION}"
ABOUT = "2 minutes and 1 GB, once a machine, for one test alone"
LOCK = cache() / "azure-cli" / ".lock"
NEEDS = VENV
PROGRAM = cache() / "azure-cli" / VERSION / "bin" / "az"
_FOLDER = PROGRAM.parent.parent
_STAMP = _FOLDER / ".complete"


def current() -> bool:
    """Tell whether the CLI is in the cache, whole."""
    return _STAMP.is_file()


def install() -> None:
    """Install the CLI and what it depends on, by the pins of `azure-cli.txt`.

    Scripts hold the path of their environment, so it is made in its place and stamped last.
    """
    remove(_FOLDER)
    try:
        python = getattr(sys, "_base_executable", sys.executable)
        run([python, "-m", "venv", str(_FOLDER)], log="azure-cli-venv")
        pip = [str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "--no-input"]
        pins = str(CHECKOUT / "setup" / "azure-cli.txt")
        run([*pip, "--disable-pip-version-check", "-r", pins], log="azure-cli")
        _STAMP.touch()
    finally:
        if not current():
            remove(_FOLDER)
