"""What must be on the machine before anything is installed, and the commands that bring it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from setup.errors import MissingPrerequisiteError


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """A thing that set-up needs and does not install itself."""

    name: str
    needed_for: str
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    debian: str
    fedora: str
    homebrew: str

    def missing(self) -> bool:
        """Tell whether a program is not on PATH or a module is not in this Python."""
        return any(shutil.which(program) is None for program in self.programs) or any(
            find_spec(module) is None for module in self.modules
        )

    def __str__(self) -> str:
        return (
            f"  {self.name}, needed for {self.needed_for}\n"
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
    # Earlier Debian and Ubuntu releases have a Go that cannot fetch a newer toolchain by itself.
    debian="sudo apt-get install -y golang-go   (too old there? https://go.dev/doc/install)",
    fedora="sudo dnf install -y golang",
    homebrew="brew install go",
)

NODE = Prerequisite(
    name="Node.js 20 or later with npm",
    needed_for="the storage server Azurite",
    programs=("node", "npm"),
    debian="sudo apt-get install -y nodejs npm",
    fedora="sudo dnf install -y nodejs npm",
    homebrew="brew install node",
)


def require(needed: Iterable[Prerequisite]) -> None:
    """Raise one `MissingPrerequisiteError` that names everything missing and how to get it."""
    missing = [each for each in dict.fromkeys(needed) if each.missing()]
    if missing:
        listed = "\n".join(map(str, missing))
        raise MissingPrerequisiteError(
            f"Not on this machine yet, nothing was installed:\n{listed}\nThen run the same command again."
        )
