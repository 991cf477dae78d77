"""Runs Go independently of the user's own Go settings."""

import os
from collections.abc import Mapping
from pathlib import Path

from setup.command import run
from setup.folders import whole_folder


def go(*arguments: str, log: str, folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run `go` in `folder`; raise `CommandError` if it fails. Builds leave out the machine's paths.

    An empty GOFLAGS would mean the user's, from `go env -w`. Other settings there,
    such as a proxy, are kept.
    Some distributions forbid Go to download the newer toolchain that a module requires; `auto` permits it:
    https://go.dev/doc/toolchain
    """
    own = {"CGO_ENABLED": "0", "GOWORK": "off", "GOOS": "", "GOARCH": "", "GOFLAGS": "-trimpath"}
    own["GOTOOLCHAIN"] = os.environ.get("GOTOOLCHAIN", "auto")
    run(["go", *arguments], log=log, folder=folder, env=own | dict(env or {}))


def go_install(target: Path, *modules: str, log: str) -> None:
    """Build the programs of some modules into the folder `bin` of a new folder."""
    with whole_folder(target) as folder:
        env = {"GOBIN": str(folder / "bin")}
        for module in modules:
            go("install", "-ldflags", "-s -w", module, log=log, folder=folder, env=env)
