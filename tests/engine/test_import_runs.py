"""Without a trigger a target stack imports the copied blobs of its own source, each once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault
from tests.transfer.pushing import push

SAME = ["shop/web:1.0.0", "shop/api:1.0.0"]
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}
PAIRS: dict[str, dict[str, Any]] = {"day": {}, "night": MANAGED}


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    """Two pairs in one project, between the same two registries, with the same artifacts."""
    project = Project.made(tmp_path_factory.mktemp("imports"), checkout, sandbox_environment)
    for name, way in PAIRS.items():
        project.up(project.source(f"{name}-source", SAME, **way))
        target = project.target(f"{name}-target", f"{name}-source", **way, sourceTriggerStatus="Disabled")
        assert "This deployment imports nothing" in project.up(target)
        assert project.outputs(target)["runs"] == []
    return project


@pytest.mark.parametrize("pair", PAIRS)
def test_every_blob_of_a_pair_is_imported_once_by_its_own_pipeline(project: Project, pair: str) -> None:
    source, target = f"{pair}-source", f"{pair}-target"
    project.run("acr-transfer", "hop", "--source", source, "--target", target)
    assert "2 created" in project.up(target)  # the run, and the Stash of its failures
    outputs = project.outputs(target)
    (run,) = outputs["runs"]
    (exported,) = project.outputs(source)["runs"]
    assert (run["status"], run["error"], run["blob"]) == ("Succeeded", "", exported["blob"])
    assert run["started"] <= run["finished"]
    assert outputs["importPipelineId"].endswith(f"/{pair}target")
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", project.up(target))


def test_pairs_of_the_same_registries_share_neither_runs_nor_containers(project: Project) -> None:
    for side in ("source", "target"):
        day, night = (project.outputs(f"{pair}-{side}") for pair in PAIRS)
        assert day["containerUrl"] != night["containerUrl"]
        assert {run["id"] for run in day["runs"]}.isdisjoint(run["id"] for run in night["runs"])


def test_one_failed_import_of_three_is_named_and_only_it_is_repeated(project: Project, paths: Paths) -> None:
    tags = [str(number) for number in range(101)]
    for tag in tags:
        push(Cloud(SOURCE, paths), "imports/many", tag)
    source, target = project.source("many-source", [f"imports/many:{tag}" for tag in tags]), "many-target"
    project.up(source)
    project.up(project.target(target, source, sourceTriggerStatus="Disabled"))
    project.run("acr-transfer", "hop", "--source", source, "--target", target)
    _, bad, _ = (blob["name"] for blob in project.outputs(source)["handover"]["blobs"])
    with fault(paths, "target", "storage", path=f"/transfer/{bad}", firewall=True):
        said = project.up(target, "--continue-on-error", good=False)
    assert f"blob {bad};" in said
    before = {run["blob"]: run for run in project.outputs(target)["runs"]}
    assert [blob for blob, run in before.items() if run["status"] != "Succeeded"] == [bad]
    project.up(target)
    after = {run["blob"]: run for run in project.outputs(target)["runs"]}
    assert after.pop(bad)["status"] == "Succeeded"
    assert after == {blob: run for blob, run in before.items() if blob != bad}
