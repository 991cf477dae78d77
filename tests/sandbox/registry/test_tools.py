"""Common registry clients work unchanged with the exports of `env` alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from setup import peers

Tool = Callable[..., str]

INSTALL = {"skopeo": "`apt-get install skopeo`", "docker": "`apt-get install docker-cli`"}


@pytest.fixture(scope="module")
def servers(paths: Paths) -> tuple[str, str]:
    """Login servers of the source and target registries."""
    source, target = (Cloud(definition, paths).login_server(definition.registry) for definition in CLOUDS)
    return source, target


@pytest.fixture
def tool(sandbox_environment: dict[str, str], paths: Paths, tmp_path: Path) -> Callable[[str], Tool]:
    """Run a program in an empty folder; skip the test if the program is not installed."""

    def named(name: str) -> Tool:
        path = os.pathsep.join(
            [sandbox_environment["PATH"], str(paths.cache / "peers" / peers.VERSION / "bin")]
        )
        program = shutil.which(name, path=path)
        if not program:
            pytest.skip(f"{name} is not on PATH; install it with {INSTALL.get(name, '`make peers`')}")

        def run(*arguments: str, stdin: str = "", **more: str) -> str:
            environment = {**sandbox_environment, **more}
            command = [program, *arguments]
            ended = subprocess.run(
                command,
                cwd=tmp_path,
                env=environment,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
            return ended.stdout

        return run

    (tmp_path / "bill.json").write_text("{}")
    return named


def test_crane_lists_pulls_pushes_copies_and_deletes(
    tool: Callable[[str], Tool], servers: tuple[str, str]
) -> None:
    crane, (source, target) = tool("crane"), servers
    assert "shop/web" in crane("catalog", source).split()
    assert "1.0.0" in crane("ls", f"{source}/shop/web").split()
    crane("copy", f"{source}/platform/agent:2.0", f"{target}/crane/agent:2.0")
    digest = crane("digest", f"{source}/platform/agent:2.0")
    assert crane("digest", f"{target}/crane/agent:2.0") == digest
    crane("pull", "--format", "oci", f"{source}/platform/agent:2.0", "agent")
    crane("push", "--index", "agent", f"{target}/crane/pushed:1")
    assert crane("ls", f"{target}/crane/pushed").split() == ["1"]
    crane("delete", f"{target}/crane/agent@{digest.strip()}")
    assert crane("ls", f"{target}/crane/agent") == ""


def test_regctl_lists_and_copies_with_and_without_referrers(
    tool: Callable[[str], Tool], servers: tuple[str, str]
) -> None:
    regctl, (source, target) = tool("regctl"), servers
    assert "shop/web" in regctl("repo", "ls", source).split()
    assert "1.0.0" in regctl("tag", "ls", f"{source}/shop/web").split()
    regctl("image", "copy", f"{source}/shop/web:1.0.0", f"{target}/regctl/web:1")
    digest = regctl("manifest", "head", f"{source}/shop/web:1.0.0").strip()
    assert regctl("manifest", "head", f"{target}/regctl/web:1").strip() == digest
    media = ["--artifact-type", "application/vnd.test.bill"]
    regctl("artifact", "put", *media, "--file", "bill.json", "--subject", f"{target}/regctl/web:1")
    assert "application/vnd.test.bill" in regctl("artifact", "list", f"{target}/regctl/web:1")
    regctl("image", "copy", "--referrers", f"{target}/regctl/web:1", f"{source}/regctl/back:1")
    assert "application/vnd.test.bill" in regctl("artifact", "list", f"{source}/regctl/back:1")


def test_oras_lists_pushes_attaches_discovers_and_pulls(
    tool: Callable[[str], Tool], servers: tuple[str, str]
) -> None:
    oras, (source, target) = tool("oras"), servers
    assert "shop/web" in oras("repo", "ls", source).split()
    assert "1.0.0" in oras("repo", "tags", f"{source}/shop/web").split()
    oras("push", f"{source}/oras/file:1", "bill.json:application/json")
    oras(
        "attach",
        "--artifact-type",
        "application/vnd.test.bill",
        f"{source}/oras/file:1",
        "bill.json:application/json",
    )
    oras("copy", "-r", f"{source}/oras/file:1", f"{target}/oras/file:1")
    found = json.loads(oras("discover", "--format", "json", f"{target}/oras/file:1"))
    assert [each["artifactType"] for each in found["referrers"]] == ["application/vnd.test.bill"]
    oras("pull", "-o", "pulled", f"{target}/oras/file:1")
    oras("manifest", "delete", "--force", f"{target}/oras/file:1")


def test_skopeo_lists_inspects_copies_and_deletes(
    tool: Callable[[str], Tool], servers: tuple[str, str]
) -> None:
    skopeo, (source, target) = tool("skopeo"), servers
    listed = json.loads(skopeo("list-tags", f"docker://{source}/shop/web"))
    assert "1.0.0" in listed["Tags"]
    here, there = f"docker://{source}/platform/agent:2.0", f"docker://{target}/skopeo/agent:2.0"
    skopeo("copy", "--all", "--preserve-digests", here, there)
    assert skopeo("inspect", "--raw", there) == skopeo("inspect", "--raw", here)
    skopeo("copy", f"docker://{source}/shop/web:1.0.0", "oci:web")
    skopeo("delete", there)


def test_docker_signs_in_and_reads_a_manifest_without_an_engine(
    tool: Callable[[str], Tool], servers: tuple[str, str], sandbox_environment: dict[str, str], tmp_path: Path
) -> None:
    docker, (source, _) = tool("docker"), servers
    assert json.loads(docker("manifest", "inspect", f"{source}/shop/web:1.0.0"))["config"]
    user, password = _credentials(sandbox_environment, source)
    own = str(tmp_path / "own")
    output = docker(
        "login", source, "--username", user, "--password-stdin", stdin=password, DOCKER_CONFIG=own
    )
    assert "Login Succeeded" in output


def _credentials(environment: dict[str, str], server: str) -> tuple[str, str]:
    given = json.loads((Path(environment["DOCKER_CONFIG"]) / "config.json").read_text())
    user, _, password = base64.b64decode(given["auths"][server]["auth"]).decode().partition(":")
    return user, password


def test_the_registries_conform_to_the_distribution_specification(
    tool: Callable[[str], Tool], servers: tuple[str, str], sandbox_environment: dict[str, str]
) -> None:
    conformance, (_, target) = tool("conformance"), servers
    user, password = _credentials(sandbox_environment, target)
    settings = {"OCI_REGISTRY": target, "OCI_USERNAME": user, "OCI_PASSWORD": password}
    # ACR supports SHA-256 only, as does the registry server.
    conformance(**settings, OCI_DATA_SHA512="false", OCI_RESULTS_DIR="results")
