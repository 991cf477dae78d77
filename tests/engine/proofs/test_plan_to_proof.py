"""The whole round on the real engine: plan, lock, up, hop, proof, receipt; and again with one image more."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.transfer.pushing import push

STACKS = ("--source", "plan-source", "--target", "plan-target")
RULE = ("--repository", "planned/*", "--repository", "secure/*")


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("a plan"), checkout, sandbox_environment)


def moved(project: Project) -> list[str]:
    """What the source stack has exported now."""
    handover: dict[str, Any] = project.outputs("plan-source")["handover"]
    return sorted(artifact for blob in handover["blobs"] for artifact in blob["artifacts"])


def test_a_second_round_moves_the_one_new_image_and_its_sbom_alone(project: Project, paths: Paths) -> None:
    cloud = Cloud(SOURCE, paths)
    for number in range(3):
        push(cloud, "planned/app", f"1.{number}")
    project.stack("plan-source", SOURCE, sasExpiry="2098-01-01T00:00:00Z", lock="transfer.lock.json")
    project.target("plan-target", "plan-source")
    project.run("acr-transfer", "plan", "--source", "plan-source", *RULE)
    project.up("plan-source")
    project.up("plan-target")
    project.run("acr-transfer", "hop", *STACKS)
    line = ("acr-transfer", "prove", *STACKS, "--wait", "120", "--receipt", "receipt.json")
    project.run(*line, "--html", "evidence.html")
    lock = json.loads((project.folder / "transfer.lock.json").read_text())
    assert moved(project) == [entry["reference"] for entry in lock["artifacts"]]
    assert (
        "The expected digests were known before the export" in (project.folder / "evidence.html").read_text()
    )

    added = push(cloud, "planned/app", "2.0")
    sbom = push(cloud, "planned/app", "", subject=added)
    project.run("acr-transfer", "plan", "--source", "plan-source", *RULE, "--since", "receipt.json")
    project.up("plan-source")
    assert moved(project) == ["planned/app:2.0", f"planned/app@{sbom.digest}"]
    project.run("acr-transfer", "hop", *STACKS)
    project.run(*line)
    said = project.run("acr-transfer", "plan", "--source", "plan-source", *RULE, "--since", "receipt.json")
    assert "nothing to move: no lock was written; the existing transfer.lock.json is unchanged" in said
    receipt = json.loads((project.folder / "receipt.json").read_text())
    assert receipt["registry"] == Cloud(TARGET, paths).login_server(TARGET.registry)
    assert f"planned/app@{sbom.digest}" in [entry["reference"] for entry in receipt["artifacts"]]
    assert referrers_at_the_target(paths, added.digest) == [sbom.digest]


def referrers_at_the_target(paths: Paths, digest: str) -> list[str]:
    """What curl finds there: an independent client."""
    cloud = Cloud(TARGET, paths)
    token = cloud.authorise(TARGET.registry, "planned/app")["Authorization"]
    url = f"https://{cloud.login_server(TARGET.registry)}/v2/planned/app/referrers/{digest}"
    line = ["curl", "-sS", "--fail", "--cacert", str(paths.authority), "-H", f"Authorization: {token}", url]
    said = subprocess.run(line, capture_output=True, check=True).stdout
    return [entry["digest"] for entry in json.loads(said)["manifests"]]
