"""Installs what is missing: `python3 -m setup [THING ...]`, all that is needed by default."""

from __future__ import annotations

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
    """A module of this folder that installs one thing."""

    NAME: str
    ABOUT: str
    LOCK: Path
    NEEDS: prerequisites.Prerequisite

    def current(self) -> bool:
        """Tell whether it is installed."""

    def install(self) -> None:
        """Install it, whole or not at all."""


# One after the other: a Go build keeps 1.8 of 2 cores busy, so side by side gains nothing.
ALL: dict[str, Installable] = {"venv": venv, "azurite": azurite, "registry": registry, "pulumi": pulumi}
THINGS: dict[str, Installable] = {**ALL, "node-sdk": node_sdk, "peers": peers, "azure-cli": azure_cli}
"""What can be asked for by name; nobody but the tests needs the last three."""


def main(argv: Sequence[str] | None = None) -> int:
    """Install what `argv` names and is missing; return 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(prog="python3 -m setup", description="Install what is missing.")
    parser.add_argument("things", nargs="*", metavar="THING", help=f"all (default), {', '.join(THINGS)}")
    names = parser.parse_args(argv).things or ["all"]
    if unknown := set(names) - set(THINGS) - {"all"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected all, {', '.join(THINGS)}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stopped)
    return _install(
        [thing for name, thing in THINGS.items() if name in names or ("all" in names and name in ALL)]
    )


def _install(things: Sequence[Installable]) -> int:
    try:
        missing = [thing for thing in things if not thing.current()]
        prerequisites.require(thing.NEEDS for thing in missing)
        for thing in missing:
            _install_one(thing)
    except SetupError as error:
        say(str(error))
    except OSError as error:
        say(f"{error}\nNext: free the disk or mend the rights; ACR_TRANSFER_CACHE puts {cache()} elsewhere.")
    except KeyboardInterrupt:
        say("stopped; nothing half-done is left, the same command goes on from here")
        return 130
    else:
        return 0
    return 1


def _install_one(thing: Installable) -> None:
    with locked(thing.LOCK):
        # Another run may have installed it while this one waited.
        if not thing.current():
            with step(thing.NAME, thing.ABOUT):
                thing.install()


def _stopped(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
