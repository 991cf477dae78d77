"""The programs of a sandbox: its folder on PATH, and Pulumi's plugins in the sandbox's own PULUMI_HOME.

docs/adr/0062 has the reasons for these places.
"""

import shlex
import shutil
import sys
from pathlib import Path

from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.pulumi_plugins import versions

_LANGUAGE_HOST = "pulumi-language-python"
_STAND_INS = (
    ("azure-native", versions.AZURE_NATIVE, "sandbox.pulumi_plugins.azure_native"),
    ("random", versions.RANDOM, "sandbox.pulumi_plugins.random_provider"),
)


def install(paths: Paths, path: str) -> dict[str, str]:
    """Write all programs; returns the variables with which `pulumi` finds its plugins.

    `path` is PATH without the sandbox's folder. A `pulumi` on it keeps its own language hosts.
    """
    shutil.rmtree(paths.programs, ignore_errors=True)
    paths.programs.mkdir()
    _write(paths.programs / "acr-transfer", "acr_transfer")
    for name, version, module in _STAND_INS:
        folder = paths.pulumi_home / "plugins" / f"resource-{name}-v{version}"
        _write(folder / f"pulumi-resource-{name}", module)
    _write_language_host(paths.pulumi_home / "bin")
    return {"PULUMI_HOME": str(paths.pulumi_home), **_plugin_search(paths, path)}


def _plugin_search(paths: Paths, path: str) -> dict[str, str]:
    """Plugins on PATH are ignored if `pulumi` has its own language host; else one has to be on PATH."""
    if _bundled_host(_pulumi(paths, path)).exists():
        return {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    if not shutil.which(_LANGUAGE_HOST, path=path):
        _write_language_host(paths.programs)
    return {}


def _pulumi(paths: Paths, path: str) -> Path:
    """The CLI on PATH, or else the one that set-up built, which gets a link in the sandbox's folder."""
    own = paths.programs / "pulumi"
    if found := shutil.which("pulumi", path=path):
        return Path(found)
    if built := paths.pulumi():
        own.symlink_to(built)
    return own


def _bundled_host(pulumi: Path) -> Path:
    """Where Pulumi looks for a bundled language host: next to its own file, through links."""
    return pulumi.resolve().with_name(_LANGUAGE_HOST)


def _write_language_host(folder: Path) -> None:
    _write(folder / _LANGUAGE_HOST, "sandbox.pulumi_plugins.language_host")


def _write(program: Path, module: str) -> None:
    """Write a program that runs a module of this checkout."""
    checkout = f"PYTHONPATH={shlex.quote(str(CHECKOUT))}${{PYTHONPATH:+:$PYTHONPATH}}"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\n{checkout} exec {shlex.quote(sys.executable)} -m {module} "$@"\n')
    program.chmod(0o700)
