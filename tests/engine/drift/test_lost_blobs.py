"""Blobs that were deleted: doctor names those that the target still needs, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.drift.deleted import Side
from tests.engine.projects import Project
from tests.rights.callers import blob_client
from tests.ways_out.pair import leads_out


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> tuple[Side, Side]:
    project = Project.made(tmp_path_factory.mktemp("lost"), checkout, sandbox_environment)
    source = project.source("lost-source", ["shop/web:1.0.0"])
    target = project.target("lost-target", source, sourceTriggerStatus="Disabled")
    for stack in (source, target):
        project.up(stack)
    return Side(project, paths, SOURCE, source), Side(project, paths, TARGET, target)


def _delete_exported_blob(source: Side) -> str:
    outputs = source.project.outputs(source.stack)
    name = str(outputs["runs"][0]["blob"])
    blob_client(source.paths, SOURCE, f"{outputs['containerUrl']}/{name}").delete_blob()
    return name


@leads_out("blob-lost")
def test_a_blob_that_the_target_needs_is_exported_again_and_an_imported_one_is_not_missed(
    pair: tuple[Side, Side],
) -> None:
    source, target = pair
    name = _delete_exported_blob(source)
    (lost,) = source.faults(target)
    assert lost["what"] == f"{name} is in the hand-over, but not in the container, and not at the target"
    source.follow(lost["commands"], new="2")
    assert source.faults(target) == []
    (run,) = target.project.outputs(target.stack)["runs"]
    assert run["status"] == "Succeeded"
    _delete_exported_blob(source)
    assert source.faults(target) == target.faults(source) == []


def test_a_deleted_container_of_the_target_gets_its_blobs_again(pair: tuple[Side, Side]) -> None:
    source, target = pair
    target.project.run(
        "pulumi", "config", "set", "--path", "acr-transfer:artifacts[0]", "shop/api:1.0.0", "-s", source.stack
    )
    source.project.up(source.stack)
    target.project.run("acr-transfer", "hop", "--source", source.stack, "--target", target.stack)
    target.delete("BlobContainer")
    (gone,) = target.faults(source)
    assert gone["what"] == "the container does not exist"
    target.follow(gone["commands"])
    assert source.faults(target) == target.faults(source) == []
    (run,) = target.project.outputs(target.stack)["runs"]
    assert run["artifacts"] == ["shop/api:1.0.0"]
    target.changes()
