"""The virtual environment `.venv` of this checkout."""

import hashlib
import json
import sys
import tomllib

from setup.command import run
from setup.folders import remove
from setup.paths import CHECKOUT
from setup.prerequisites import VENV

NAME = "the virtual environment .venv"
DURATION = "1 minute"
FOLDER = CHECKOUT / ".venv"
LOCK = CHECKOUT / ".venv.lock"
NEEDS = VENV
_STAMP = FOLDER / ".complete"
_NOT_COMPILED = (
    r"pulumi_azure_native/(?!_|(authorization|containerregistry|keyvault|managedidentity|monitor|resources|storage)/)"
    r"|/(mypy|mypyc|pip|tests)/"
)
"""Packages that are not compiled: all of azure-native would take longer than everything else."""


def current() -> bool:
    """Return whether `.venv` is complete and was created from these pins, by this Python, in this folder.

    Its scripts contain its path, so a moved checkout needs a new one.
    """
    return _STAMP.is_file() and _STAMP.read_text() == _stamp()


def install() -> None:
    """Create `.venv`: all packages with their hashes, then the project in editable mode."""
    remove(FOLDER)
    try:
        # Not sys.executable: if this runs in `.venv`, it was just removed.
        python = getattr(sys, "_base_executable", sys.executable)
        run([python, "-m", "venv", str(FOLDER)], log="venv")
        _pip("requirements", "--no-compile", "--require-hashes", "-r", "requirements.txt")
        _pip("project", "--no-deps", "--no-build-isolation", "-e", ".")
        _compile()
        _STAMP.write_text(_stamp())
    finally:
        if not current():
            remove(FOLDER)


def _pip(log: str, *arguments: str) -> None:
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--no-input"]
    run([*pip, "--disable-pip-version-check", *arguments], log=f"venv-{log}", folder=CHECKOUT)


def _compile() -> None:
    """Compile packages that are imported often, even with PYTHONDONTWRITEBYTECODE set.

    Each `pulumi` command starts four Python processes; uncompiled, they take three seconds longer.
    """
    python = str(FOLDER / "bin" / "python")
    run(
        [python, "-m", "compileall", "-q", "-j", "0", "-x", _NOT_COMPILED, str(FOLDER / "lib")],
        log="venv-compile",
    )


def _stamp() -> str:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    # Without the settings of tools, which do not change the installation.
    installed = json.dumps(
        [project["build-system"], project["project"], project.get("tool", {}).get("hatch")]
    )
    pins = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes() + installed.encode())
    # base_prefix, because set-up can run in the virtual environment itself.
    return f"{pins.hexdigest()}\n{sys.base_prefix} {sys.version}\n{CHECKOUT}\n"
