"""The wheel alone, without extras, runs the commands that the far side of an air gap needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.transfer.pushing import push
from tests.transfer.two_clouds import Clouds, two_clouds

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "pulumi",
    "pulumi-azure-native",
    "pulumi-policy",
    "pulumi-random",
    "azure-containerregistry",
    "jsonschema",
}


def call(*line: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to success; return its stdout."""
    done = subprocess.run(
        [*map(str, line)], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has only the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    pins = re.findall(r"^([\w.-]+==[^\\\n]+?) *\\?$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    (folder / "pins.txt").write_text("\n".join(pins))
    call(sys.executable, "-m", "venv", folder / "env")
    programs = folder / "env" / "bin"
    call(programs / "pip", "install", "--quiet", "--no-input", "-c", folder / "pins.txt", wheel, cwd=folder)
    return programs


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with two_clouds(tmp_path_factory.mktemp("clouds")) as opened:
        yield opened


def run(installed: Path, *line: object, environment: Mapping[str, str], folder: Path) -> str:
    """Run the installed command outside the checkout."""
    clean = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    return call(installed / "acr-transfer", *line, env=clean, cwd=folder)


def test_the_wheel_installs_neither_pulumi_nor_test_packages(installed: Path) -> None:
    listed = json.loads(call(installed / "pip", "list", "--format", "json"))
    assert not {each["name"].lower() for each in listed} & EXTRAS


def test_the_wheel_has_its_types_and_its_license(installed: Path) -> None:
    files = call(installed / "pip", "show", "--files", "acr-transfer")
    assert "acr_transfer/py.typed" in files
    assert "licenses/LICENSE" in files


def test_help_works(installed: Path, tmp_path: Path) -> None:
    assert "unpack" in run(installed, "--help", environment={}, folder=tmp_path)


def test_unpack_copies_a_pack_to_a_container(installed: Path, clouds: Clouds, tmp_path: Path) -> None:
    handover, pack = clouds.export(b"an archive of images"), tmp_path / "pack"
    code, _, error = clouds.run("pack", "--handover", str(handover), str(pack))
    assert code == 0, error
    line = ("unpack", pack, "--container-url", f"{clouds.stores[1].url}/transfer")
    run(installed, *line, environment=clouds.environment, folder=tmp_path)
    (name,) = clouds.names
    assert clouds.container(1).download_blob(name).readall() == b"an archive of images"


def test_prove_compares_the_digests_of_a_real_registry(
    installed: Path, paths: Paths, sandbox_environment: dict[str, str], tmp_path: Path
) -> None:
    cloud = Cloud(SOURCE, paths)
    push(cloud, "wheel/web", "1")
    host = cloud.login_server(SOURCE.registry)
    for line in (
        ("plan", "wheel/web:1", "--registry", host, "--out", "lock.json"),
        ("prove", "--lock", "lock.json", "--registry", host),
    ):
        output = run(installed, *line, environment=sandbox_environment, folder=tmp_path)
    assert "1 of 1 artifacts proved" in output
