"""A deployment that is killed while it starts runs: the next one takes them over, and repeats none."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault
from tests.sandbox.transfer.side import SandboxSide, until
from tests.ways_out.pair import leads_out

TAGS = [str(number) for number in range(60)]
"""Two runs."""


@pytest.fixture(scope="module")
def images(paths: Paths) -> SandboxSide:
    side = SandboxSide(paths, "source", "killed")
    image = side.image("killed/app", TAGS[0])
    for tag in TAGS:
        side.push("killed/app", tag, image)
    return side


@pytest.fixture
def project(tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]) -> Iterator[Project]:
    made = Project.made(tmp_path, checkout, sandbox_environment)
    yield made
    for each in made.folder.glob("Pulumi.*.yaml"):
        stack = each.name.split(".")[1]
        made.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview", "--suppress-progress")


def killed(project: Project, stack: str, images: SandboxSide, runs: int) -> None:
    """Kill the engine while it creates this number of runs, which Azure completes nevertheless."""
    path = "/pipelineRuns/"
    with fault(images.paths, images.side, "arm", method="PUT", path=path, delay=3, times=runs) as delayed:
        with project.killed(stack):
            until(delayed, lambda found: found == runs)
        time.sleep(4)
    project.run("pulumi", "cancel", "--yes", "--stack", stack)


def ended_runs(images: SandboxSide, stack: str, count: int) -> dict[str, dict[str, Any]]:
    """The runs of the stack's pipeline after their end, by their names."""

    def have_ended(runs: list[dict[str, Any]]) -> bool:
        states = {each["properties"]["provisioningState"] for each in runs}
        return len(runs) == count and states <= {"Succeeded", "Failed"}

    found = until(lambda: images.runs_of(stack.replace("-", "")), have_ended)
    return {each["name"]: each["properties"] for each in found}


def starts(runs: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: run["response"]["startTime"] for name, run in runs.items()}


@pytest.mark.parametrize("access", ["SasToken", "ManagedIdentity"])
def test_the_next_deployment_takes_the_runs_over_and_starts_none_again(
    project: Project, images: SandboxSide, access: str
) -> None:
    config = {"storageAccess": access} if access == "ManagedIdentity" else {}
    token = {"sasExpiry": ""} if config else {}
    stack = project.source(
        f"killed-{access.lower()}", [f"killed/app:{tag}" for tag in TAGS], **config, **token
    )
    killed(project, stack, images, 2)
    before = starts(ended_runs(images, stack, 2))
    said = project.up(stack)
    assert "2 runs exist in Azure, but not in the stack's state" in said
    assert "2 imported" in said
    outputs = project.outputs(stack)
    assert {run["name"]: run["started"] for run in outputs["runs"]} == before
    assert len(outputs["handover"]["blobs"]) == 2
    project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes", "--diff")
    project.run("pulumi", "refresh", "--stack", stack, "--clear-pending-creates", "--yes", "--skip-preview")
    said = project.up(stack)
    assert "pending operations" not in said
    assert not re.search(r"\d+ (created|updated|deleted|replaced|imported)", said)
    assert starts(ended_runs(images, stack, 2)) == before


def test_a_run_that_failed_after_the_kill_is_repeated(project: Project, images: SandboxSide) -> None:
    stack = project.source("killed-failed", ["killed/app:late"])
    killed(project, stack, images, 1)
    before = ended_runs(images, stack, 1)
    assert [run["provisioningState"] for run in before.values()] == ["Failed"]
    images.push("killed/app", "late", images.manifest("killed/app", TAGS[0]))
    project.up(stack)
    after = ended_runs(images, stack, 1)
    assert [run["provisioningState"] for run in after.values()] == ["Succeeded"]
    assert starts(after) != starts(before)
    project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes", "--diff")


def test_clean_keeps_what_a_killed_deployment_exported_and_hop_names_the_old_hand_over(
    project: Project, images: SandboxSide
) -> None:
    stack = project.source("killed-clean", ["killed/app:1"])
    sides = ("--source", stack, "--target", stack)
    clean = ("acr-transfer", "clean", *sides, "--side", "source", "--older-than", "0", "--yes")
    project.up(stack)
    project.run("pulumi", "config", "set", "--path", "acr-transfer:artifacts[1]", "killed/app:2", "-s", stack)
    killed(project, stack, images, 1)
    before = starts(ended_runs(images, stack, 2))
    said = project.run("acr-transfer", "hop", *sides)
    assert "warning: the last deployment of stack 'killed-clean' is in progress or was interrupted" in said
    assert f"pulumi up -s {stack}" in said
    assert "nothing to remove" in project.run(*clean)
    assert starts(ended_runs(images, stack, 2)) == before
    assert "1 imported" in project.up(stack)
    assert "warning" not in project.run("acr-transfer", "hop", *sides)
    assert "1 blob" in project.run(*clean)  # That of the run which the stack has replaced.
    assert "nothing to remove" in project.run(*clean)


@leads_out("run-exists")
def test_a_run_with_other_artifacts_is_not_taken_over(project: Project, images: SandboxSide) -> None:
    stack = project.source("killed-foreign", ["killed/app:1"])
    project.up(stack)
    project.run("pulumi", "config", "set", "--path", "acr-transfer:artifacts[0]", "killed/app:0", "-s", stack)
    preview = project.run("pulumi", "preview", "--stack", stack, "--json")
    steps = json.loads(preview[preview.index("{") :])["steps"]
    (name,) = (
        step["newState"]["inputs"]["pipelineRunName"]
        for step in steps
        if ":PipelineRun::" in step["urn"] and step["op"] == "create"
    )
    (own,) = images.runs_of("killedforeign")
    request = {"pipelineResourceId": own["properties"]["request"]["pipelineResourceId"]}
    other = {"artifacts": ["killed/app:2"], "target": {"type": "AzureStorageBlob", "name": "other"}}
    path = images.registry_path("pipelineRuns", name)
    images.arm("PUT", path, {"properties": {"request": {**request, **other}}}, "2024-11-01-preview")
    said = project.up(stack, good=False)
    assert "exists, and is not a run of this stack" in said
    (found,) = re.findall(r"az resource delete --ids (\S+)", said)
    images.arm("DELETE", found.partition(images.definition.subscription)[2], version="2024-11-01-preview")
    project.up(stack)
    assert [run["status"] for run in project.outputs(stack)["runs"]] == ["Succeeded"]
