"""Programs that set-up requires, and the commands that install them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from setup.errors import SetupError


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """A program that set-up requires and does not install."""

    name: str
    needed_for: str
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    """A command that prints the version, if a minimum applies."""
    at_least: int = 0
    """The minimum: Go's minor version, Node's major version."""
    debian: str
    fedora: str
    homebrew: str

    def missing(self) -> bool:
        """Return whether a program is not on PATH or too old, or this Python lacks a module."""
        return (
            any(shutil.which(program) is None for program in self.programs)
            or any(find_spec(module) is None for module in self.modules)
            or (bool(self.version) and self._number() < self.at_least)
        )

    def _number(self) -> int:
        printed = subprocess.run(self.version, capture_output=True, text=True, check=False).stdout
        found = re.search(r"go1\.(\d+)|v(\d+)\.", printed)
        return int(found[1] or found[2]) if found else 0

    def __str__(self) -> str:
        return (
            f"  {self.name}, required for {self.needed_for}\n"
            f"      Debian, Ubuntu: {self.debian}\n"
            f"      Fedora:         {self.fedora}\n"
            f"      Homebrew:       {self.homebrew}"
        )


_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

VENV = Prerequisite(
    name="Python's venv and ensurepip",
    needed_for="the virtual environment",
    modules=("venv", "ensurepip"),
    debian=f"sudo apt-get install -y python{_VERSION}-venv",
    fedora=f"sudo dnf install -y python{_VERSION}",
    homebrew=f"brew install python@{_VERSION}",
)

GO = Prerequisite(
    name="Go 1.21 or later",
    needed_for="building the Pulumi CLI and the registry server",
    programs=("go",),
    version=("go", "version"),
    at_least=21,
    # Since 1.21, Go downloads the newer toolchain that a module requires.
    debian="sudo apt-get install -y golang-go   (if older than 1.21: https://go.dev/doc/install)",
    fedora="sudo dnf install -y golang",
    homebrew="brew install go",
)

NODE = Prerequisite(
    name="Node.js 20 or later with npm",
    needed_for="the storage server Azurite",
    programs=("node", "npm"),
    version=("node", "--version"),
    at_least=20,
    debian="sudo apt-get install -y nodejs npm   (if older than 20: https://nodejs.org/en/download)",
    fedora="sudo dnf install -y nodejs npm",
    homebrew="brew install node",
)

PULUMI = Prerequisite(
    name="Pulumi",
    needed_for="every deployment",
    # https://www.pulumi.com/docs/iac/download-install/
    debian="curl -fsSL https://get.pulumi.com | sh",
    fedora="curl -fsSL https://get.pulumi.com | sh",
    homebrew="brew install pulumi/tap/pulumi",
)


def require(needed: Iterable[Prerequisite]) -> None:
    """Raise one `SetupError` for all missing programs, with their install commands."""
    missing = [each for each in dict.fromkeys(needed) if each.missing()]
    if missing:
        listed = "\n".join(map(str, missing))
        raise SetupError(
            f"Missing or too old (nothing was installed):\n{listed}\nThen run the same command again."
        )
