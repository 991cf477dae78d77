"""Go, as both builds use it: the same whatever a user has set for own work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from setup.command import run


def go(*arguments: str, log: str, folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run `go` in `folder`; raise `CommandError` if it fails.

    Some distributions stop Go from fetching the newer toolchain that a module asks for; `auto` lets it again:
    https://go.dev/doc/toolchain
    """
    own = {"CGO_ENABLED": "0", "GOWORK": "off", "GOOS": "", "GOARCH": "", "GOFLAGS": ""}
    own["GOTOOLCHAIN"] = os.environ.get("GOTOOLCHAIN", "auto")
    run(["go", *arguments], log=log, folder=folder, env=own | dict(env or {}))
