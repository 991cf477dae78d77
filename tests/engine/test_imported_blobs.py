"""`hop` after an import: what a run of the target has imported is not copied a second time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.paths import Paths
from sandbox.samples import artifacts
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault

FEW = [artifact for artifact in artifacts() if artifact.startswith("shop/web")][:2]
STACKS = ("--source", "imported-source", "--target", "imported-target")


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    """A pair whose trigger has imported the blob, and has deleted it."""
    project = Project.made(tmp_path_factory.mktemp("imported"), checkout, sandbox_environment)
    project.source("imported-source", FEW)
    project.target("imported-target", "imported-source")
    project.up("imported-source")
    project.up("imported-target")
    assert [each["outcome"] for each in _hop(project)["blobs"]] == ["copied"]
    _prove(project)
    return project


def _hop(project: Project, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        project.run("acr-transfer", "hop", *STACKS, "--json", "--quiet", *options)
    )
    return found


def _prove(project: Project) -> None:
    said = project.run("acr-transfer", "prove", *STACKS, "--wait", "120")
    assert f"{len(FEW)} of {len(FEW)} artifacts proved" in said


def _outcomes(project: Project, *options: str) -> list[str]:
    return [each["outcome"] for each in _hop(project, *options)["blobs"]]


def test_an_imported_blob_is_not_copied_again(project: Project) -> None:
    said = project.run("acr-transfer", "hop", *STACKS)
    assert "1 imported: " in said
    assert "by a run at the target, since the blob was exported; `--again` copies it again" in said
    assert _outcomes(project) == ["imported"]


def test_a_blob_that_was_exported_again_is_copied_again(project: Project) -> None:
    tag = ("acr-transfer:forceUpdateTag", "again", "--stack", "imported-source")
    project.run("pulumi", "config", "set", *tag)
    project.up("imported-source")
    assert _outcomes(project) == ["copied"]
    _prove(project)


def test_runs_that_cannot_be_read_are_named_and_prevent_nothing(project: Project, paths: Paths) -> None:
    with fault(paths, "target", "arm", path="/pipelineRuns?", status=403, code="AuthorizationFailed"):
        found = _hop(project)
    (note,) = (note for note in found["notes"] if "runs were not read" in note)
    assert "HTTP 403" in note
    assert [each["outcome"] for each in found["blobs"]] == ["copied"]


def test_again_copies_what_was_imported(project: Project, paths: Paths) -> None:
    _wait_for_import(project)
    with fault(paths, "target", "arm", path="/pipelineRuns?", status=500) as asked:
        assert _outcomes(project, "--again") == ["copied"]
        assert asked() == 0


def _wait_for_import(project: Project) -> None:
    """Wait until the trigger has imported the blob of the test before, and deleted it."""
    for _ in range(60):
        if _outcomes(project) == ["imported"]:
            return
    raise AssertionError("the blob was not imported")
