"""Pulumi finds the stand-ins where it searches for plugins, and a user's CLI keeps its language host."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from sandbox import programs
from sandbox.cloud.paths import Paths
from sandbox.pulumi_plugins import versions

IGNORED = "PULUMI_IGNORE_AMBIENT_PLUGINS"
HOST = "pulumi-language-python"


@pytest.fixture
def own(tmp_path: Path) -> Paths:
    """A sandbox without state and without a CLI that set-up built."""
    (tmp_path / "state").mkdir()
    return Paths(state=tmp_path / "state", cache=tmp_path / "cache")


def put(program: Path) -> Path:
    """Create a program that does nothing."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_the_stand_ins_have_the_versions_that_the_sdks_request() -> None:
    assert metadata.version("pulumi-azure-native") == versions.AZURE_NATIVE
    assert metadata.version("pulumi-random") == versions.RANDOM


def test_a_user_s_pulumi_keeps_its_bundled_host_behind_a_link(own: Paths, tmp_path: Path) -> None:
    vendor = put(tmp_path / "vendor" / "pulumi")
    put(tmp_path / "vendor" / HOST)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "pulumi").symlink_to(vendor)
    found = programs.install(own, str(tmp_path / "links"))
    assert found[IGNORED] == "true"
    assert {path.name for path in own.programs.iterdir()} == {"acr-transfer"}


def test_a_user_s_pulumi_whose_host_is_on_the_path_keeps_it(own: Paths, tmp_path: Path) -> None:
    put(tmp_path / "pulumi" / "pulumi")
    put(tmp_path / "host" / HOST)
    found = programs.install(own, f"{tmp_path / 'pulumi'}:{tmp_path / 'host'}")
    assert IGNORED not in found
    assert not (own.programs / HOST).exists()


def test_a_user_s_pulumi_without_a_host_gets_the_sandbox_s(own: Paths, tmp_path: Path) -> None:
    put(tmp_path / "vendor" / "pulumi")
    found = programs.install(own, str(tmp_path / "vendor"))
    assert IGNORED not in found
    assert (own.programs / HOST).exists()


def test_the_host_beside_a_built_pulumi_starts_the_sandbox_s(tmp_path: Path, checkout: Path) -> None:
    host = put(tmp_path / "bin" / HOST)
    host.write_text('#!/bin/sh\necho "$@"\n')
    started = checkout / "setup" / f"{HOST}.sh"
    command = ["sh", str(started), "--root=/", "127.0.0.1:1"]
    env = {"PULUMI_HOME": str(tmp_path)}
    assert subprocess.check_output(command, env=env, text=True) == "--root=/ 127.0.0.1:1\n"


def test_outside_of_a_sandbox_that_host_says_what_to_do(tmp_path: Path, checkout: Path) -> None:
    ended = subprocess.run(
        ["sh", str(checkout / "setup" / f"{HOST}.sh")],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert str(tmp_path / ".pulumi" / "bin" / HOST) in ended.stderr
    assert 'eval "$(.venv/bin/python -m sandbox env)"' in ended.stderr
