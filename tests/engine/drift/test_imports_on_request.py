"""A target without a trigger imports what is in its container, whatever changed since its last deployment."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.transfer.pushing import push

FEW = ["shop/web:1.0.0"]
DISABLED = {"sourceTriggerStatus": "Disabled"}


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    project = Project.made(tmp_path_factory.mktemp("requests"), checkout, sandbox_environment)
    project.up(project.source("asked-source", FEW))
    return project


def _unchanged(project: Project, stack: str) -> None:
    project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes")


def _imported(project: Project, stack: str) -> list[str]:
    return [run["status"] for run in project.outputs(stack)["runs"]]


def _follow(project: Project, stack: str, said: str) -> None:
    """Type the two commands of the warning."""
    assert "which the container does not have" in " ".join(said.split())
    assert "`acr-transfer hop`, then `pulumi up`" in " ".join(said.split())
    project.run("acr-transfer", "hop", "--source", "asked-source", "--target", stack)
    project.up(stack)


def test_a_new_or_renamed_container_is_deployed_before_its_blobs_are_imported(project: Project) -> None:
    stack = project.target("renamed-target", "asked-source", **DISABLED)
    project.up(stack)
    _unchanged(project, stack)
    project.run("pulumi", "config", "set", "acr-transfer:container", "renamed", "-s", stack)
    said = project.up(stack)
    assert project.outputs(stack)["containerUrl"].endswith("/renamed")
    _follow(project, stack, said)
    assert _imported(project, stack) == ["Succeeded"]
    _unchanged(project, stack)
    project.run("pulumi", "config", "set", "acr-transfer:container", "again", "-s", stack)
    assert "does not have" not in project.up(stack)  # the run stays, although its blob is gone
    assert _imported(project, stack) == ["Succeeded"]
    _unchanged(project, stack)


def test_a_destroyed_stack_starts_again_and_its_preview_is_empty(project: Project) -> None:
    stack = project.target("destroyed-target", "asked-source", **DISABLED)
    project.up(stack)
    project.run("acr-transfer", "hop", "--source", "asked-source", "--target", stack)
    project.up(stack)
    project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")
    said = project.up(stack)
    _unchanged(project, stack)
    _follow(project, stack, said)
    assert _imported(project, stack) == ["Succeeded"]
    _unchanged(project, stack)


def test_a_blob_that_was_exported_again_is_imported_again(project: Project, paths: Paths) -> None:
    stack = project.target("renewed-target", "asked-source", **DISABLED, options=["OverwriteTags"])
    pair = ("--source", "asked-source", "--target", stack)
    project.up(stack)
    project.run("acr-transfer", "hop", *pair)
    project.up(stack)
    project.run("acr-transfer", "prove", *pair)
    repository, tag = FEW[0].split(":")
    push(Cloud(SOURCE, paths), repository, tag, build="renewed")
    said = project.run("acr-transfer", "prove", *pair, good=False)
    commands = [line.strip() for line in said.splitlines() if re.match(r" +(pulumi|acr-transfer) ", line)]
    assert len(commands) == 6
    # Without the target's tag: the next deployment sees that the blob was written after its import.
    for command in (each for each in commands if "forceUpdateTag" not in each or "-s asked-source" in each):
        words = shlex.split(command.replace("<new tag>", "renewed"))
        project.run(*words, *(["--yes"] if words[:2] == ["pulumi", "up"] else []))
    _unchanged(project, stack)


def test_what_a_trigger_imported_is_not_imported_again(project: Project) -> None:
    stack = project.target("triggered-target", "asked-source")
    pair = ("--source", "asked-source", "--target", stack)
    project.up(stack)
    project.run("acr-transfer", "hop", *pair)
    project.run("acr-transfer", "prove", *pair, "--wait", "120")
    project.run("pulumi", "config", "set", "acr-transfer:sourceTriggerStatus", "Disabled", "-s", stack)
    assert "does not have" in " ".join(project.up(stack).split())
    assert _imported(project, stack) == []
    _unchanged(project, stack)
    assert "fault" not in project.run("acr-transfer", "doctor", *pair)
