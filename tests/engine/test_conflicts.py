"""A resource that already exists is reported with a command, and the command resolves the conflict."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing, token_by_hand
from tests.engine.projects import Project

STACK = "walker"
CONFLICTS = [
    ("The resource group walked", "createResourceGroup false"),
    ("The container boxes", "createContainer false"),
    ("The secret acrexportsas", "sasSecretName <name>"),
    ("The export pipeline walker", "pipeline <name>"),
]


@pytest.fixture
def project(tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths) -> Project:
    """A stack whose resources have all been created by hand before."""
    made = Existing.of(paths, SOURCE, "walked")
    made.account("walkedbefore", "boxes")
    made.vault("walked-before")
    made.policy("walked-before", SOURCE.operator, "get", "delete")
    made.secret("walked-before", "acrexportsas", token_by_hand())
    made.export_pipeline(STACK, "https://one.example/c", "https://two.example/secrets/s")
    project = Project.made(tmp_path, checkout, sandbox_environment)
    existing = {"storageAccount": "walkedbefore", "container": "boxes", "vault": "walked-before"}
    project.source(STACK, ["shop/web:1.0.0"], resourceGroup="walked", **existing)
    return project


def test_the_commands_of_all_conflicts_lead_to_a_deployed_stack(project: Project) -> None:
    for resource, setting in CONFLICTS:
        said = project.up(STACK, good=False)
        assert f"error: {resource} already exists; this deployment would create it." in said
        assert f"pulumi config set acr-transfer:{setting}" in said
        assert "docs/adopt.md" in said
        assert "Traceback" not in said
        project.run("pulumi", "config", "set", *advised(said))
    said = project.up(STACK)
    assert {run["status"] for run in project.outputs(STACK)["runs"]} == {"Succeeded"}
    project.run("pulumi", "destroy", "--stack", STACK, "--yes", "--skip-preview")


def advised(said: str) -> list[str]:
    """Key and value of the one command in a message, with a name in place of `<name>`."""
    (command,) = re.findall(r"pulumi config set (acr-transfer:.*)", said)
    return shlex.split(command.replace("<name>", "mywalk"))
