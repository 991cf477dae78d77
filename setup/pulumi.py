"""The Pulumi CLI, built from its Go module unless it is on PATH (see docs/adr/0001)."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from setup.errors import CommandError, SetupError
from setup.folders import whole_folder
from setup.go import go
from setup.paths import VERSIONS, cache
from setup.prerequisites import GO, PULUMI
from setup.progress import say

_VERSIONS: list[str] = VERSIONS["pulumi"]
_PINNED, _FALLBACK = _VERSIONS
"""Set-up builds the second version, the oldest that works, if Go's module proxy does not serve the first."""

NAME = "the Pulumi CLI"
DURATION = "4 to 7 minutes on 2 cores, once per machine"
LOCK = cache() / "pulumi" / ".lock"
NEEDS = GO
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_LANGUAGE_HOST = Path(__file__).with_name("pulumi-language-python.sh")
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def current() -> bool:
    """Return whether the CLI is on PATH, or in the cache with its language host.

    Raises `SetupError` if the CLI on PATH is older than the oldest version that set-up builds.
    """
    if on_path := shutil.which("pulumi"):
        _require_oldest(on_path)
        return True
    return any(_host(version).is_file() for version in _VERSIONS)


def _require_oldest(program: str) -> None:
    env = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    ended = subprocess.run([program, "version"], env=env, capture_output=True, text=True, check=False)
    if _number(ended.stdout) < _number(_FALLBACK):
        printed = ended.stdout.strip() or "nothing"
        raise SetupError(
            f"`{program} version` prints {printed}; {_FALLBACK} or later is required.\n"
            f"Next: update it, or remove it from PATH for this command: set-up then builds {_PINNED}.\n"
            f"{PULUMI}\n"
            "Then run the same command again in a new shell."
        )


def _number(version: str) -> list[int]:
    """The version as numbers; an empty list, which is less than any version, if there is none."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    return [int(part) for part in found.groups()] if found else []


def install() -> None:
    """Build the CLI into the cache unless it is there, and write its language host."""
    built = [version for version in _VERSIONS if _binary(version).is_file()]
    version = built[0] if built else _build_any()
    _write_host(_host(version))


def _build_any() -> str:
    """Build the pinned version, or the fallback if the module proxy does not serve it; return which."""
    say(
        "No `pulumi` is on PATH, so set-up builds it from source. A faster way: press Ctrl-C, install\n"
        f"{PULUMI}\n"
        "and run the same command again in a new shell."
    )
    try:
        _build(_PINNED)
    except CommandError as error:
        if not _refused(error.output):
            raise
        say(f"Go's module proxy no longer serves {_PINNED}; building {_FALLBACK} instead")
        _build(_FALLBACK)
        return _FALLBACK
    return _PINNED


def _binary(version: str) -> Path:
    return cache() / "pulumi" / version / "bin" / "pulumi"


def _host(version: str) -> Path:
    return _binary(version).with_name("pulumi-language-python")


def _write_host(host: Path) -> None:
    """Write the program that starts the language host; its name appears when it is complete."""
    partial = host.with_suffix(".partial")
    shutil.copyfile(_LANGUAGE_HOST, partial)
    partial.chmod(0o755)
    partial.rename(host)


def _refused(output: str) -> bool:
    """Return whether a version was withdrawn; after a network failure the fallback would fail too."""
    return any(sign in output for sign in ("403 Forbidden", "404 Not Found", "410 Gone", "unknown revision"))


def _build(version: str) -> None:
    with whole_folder(_binary(version).parent.parent) as folder:
        go("mod", "init", "acr-transfer/pulumi", log="pulumi-init", folder=folder)
        go("get", "-tool", f"{_PACKAGE}@{version}", log="pulumi-get", folder=folder)
        flags = f"-s -w -X {_VERSION_VARIABLE}={version}"
        arguments = ["-ldflags", flags, "-o", "bin/pulumi", _PACKAGE]
        go("build", *arguments, log="pulumi-build", folder=folder)
