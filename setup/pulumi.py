"""The Pulumi CLI: the one on PATH, else built from its Go module (see docs/adr/0001)."""

from __future__ import annotations

import shutil
from pathlib import Path

from setup.errors import CommandError
from setup.folders import whole_folder
from setup.go import go
from setup.paths import cache
from setup.prerequisites import GO
from setup.progress import say

VERSIONS = ("v3.259.0", "v3.258.0")
"""The pinned version, then the one built where Go's module proxy refuses the first."""

NAME = "the Pulumi CLI"
ABOUT = "4 to 7 minutes on 2 cores, once a machine"
LOCK = cache() / "pulumi" / ".lock"
NEEDS = GO
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def current() -> bool:
    """Tell whether there is a CLI: a user's own on PATH is taken as it is."""
    return shutil.which("pulumi") is not None or any(_binary(version).is_file() for version in VERSIONS)


def install() -> None:
    """Build the pinned CLI into the cache, or the older one where the first is no longer served."""
    try:
        _build(VERSIONS[0])
    except CommandError as error:
        if not _refused(error.output):
            raise
        say(f"Go's module proxy no longer serves {VERSIONS[0]}; building {VERSIONS[1]} instead")
        _build(VERSIONS[1])


def _binary(version: str) -> Path:
    return cache() / "pulumi" / version / "bin" / "pulumi"


def _refused(output: str) -> bool:
    """Tell a withdrawn version from a network that is down, where an older version would not help."""
    return any(sign in output for sign in ("403 Forbidden", "404 Not Found", "410 Gone", "unknown revision"))


def _build(version: str) -> None:
    with whole_folder(_binary(version).parent.parent) as folder:
        go("mod", "init", "acr-transfer/pulumi", log="pulumi-init", folder=folder)
        go("get", "-tool", f"{_PACKAGE}@{version}", log="pulumi-get", folder=folder)
        flags = f"-s -w -X {_VERSION_VARIABLE}={version}"
        arguments = ["-trimpath", "-ldflags", flags, "-o", "bin/pulumi", _PACKAGE]
        go("build", *arguments, log="pulumi-build", folder=folder)
