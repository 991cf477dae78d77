"""The Azure CLI in its own virtual environment, for one test: its packages conflict with this project's.

https://pypi.org/project/azure-cli
"""

import sys

from setup.command import run
from setup.folders import remove
from setup.paths import CHECKOUT, cache
from setup.prerequisites import VENV

VERSION = "2.91.0"
NAME = f"the Azure CLI {VERSION}"
DURATION = "2 minutes and 1 GB, once per machine, for one test"
LOCK = cache() / "azure-cli" / ".lock"
NEEDS = VENV
PROGRAM = cache() / "azure-cli" / VERSION / "bin" / "az"
_FOLDER = PROGRAM.parent.parent
_STAMP = _FOLDER / ".complete"


def current() -> bool:
    """Return whether the CLI is completely installed."""
    return _STAMP.is_file()


def install() -> None:
    """Install the CLI and its dependencies, as pinned in `azure-cli.txt`.

    Its scripts contain the path of their environment, so it is created in place and marked complete last.
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
