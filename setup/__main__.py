"""Installs missing prerequisites: `python3 -m setup [NAME ...]`, by default all required ones."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

from setup import azure_cli, azurite, node_sdk, peers, prerequisites, pulumi, registry, venv
from setup.errors import SetupError
from setup.folders import locked
from setup.paths import cache
from setup.progress import say, step


class Installable(Protocol):
    """A module of this folder that installs one prerequisite."""

    NAME: str
    DURATION: str
    LOCK: Path
    NEEDS: prerequisites.Prerequisite

    def current(self) -> bool:
        """Return whether it is installed."""

    def install(self) -> None:
        """Install it completely, or nothing of it."""


# They are installed one after the other: a Go build uses 1.8 of 2 cores.
REQUIRED: dict[str, Installable] = {"venv": venv, "azurite": azurite, "registry": registry, "pulumi": pulumi}
INSTALLABLES: dict[str, Installable] = {
    **REQUIRED,
    "node-sdk": node_sdk,
    "peers": peers,
    "azure-cli": azure_cli,
}
"""All prerequisites by name; only tests need the last three."""


def main(argv: Sequence[str] | None = None) -> int:
    """Install the missing prerequisites named in `argv`; return 0, or 1 with a message on stderr."""
    if sys.platform == "win32":
        sys.exit("setup: Windows is not supported. Run the same command in WSL: `wsl --install`.")
    parser = argparse.ArgumentParser(prog="python3 -m setup", description="Install missing prerequisites.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all (default), {', '.join(INSTALLABLES)}")
    names = parser.parse_args(argv).names or ["all"]
    if unknown := set(names) - set(INSTALLABLES) - {"all"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected all, {', '.join(INSTALLABLES)}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stopped)
    return _install(
        [
            each
            for name, each in INSTALLABLES.items()
            if name in names or ("all" in names and name in REQUIRED)
        ]
    )


def _install(selected: Sequence[Installable]) -> int:
    try:
        missing = [each for each in selected if not each.current()]
        prerequisites.require(each.NEEDS for each in missing)
        for each in missing:
            _install_one(each)
    except SetupError as error:
        say(str(error))
    except OSError as error:
        say(f"{error}\nNext: free disk space or fix the permissions; ACR_TRANSFER_CACHE replaces {cache()}.")
    except KeyboardInterrupt:
        say("stopped; nothing incomplete remains. Run the same command to continue.")
        return 130
    else:
        return 0
    return 1


def _install_one(installable: Installable) -> None:
    with locked(installable.LOCK):
        # Another run may have installed it while this one waited for the lock.
        if not installable.current():
            with step(installable.NAME, installable.DURATION):
                installable.install()


def _stopped(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
