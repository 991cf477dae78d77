"""From a SAS token to the identity of a pipeline and back: one `up` each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.projects import Project

STACK = "switching"
BY_IDENTITY = "azure-native_containerregistry_v20250601preview"


@pytest.fixture
def project(tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]) -> Iterator[Project]:
    made = Project.made(tmp_path, checkout, sandbox_environment)
    made.source(STACK, ["shop/web:1.0.0"])
    yield made
    made.run("pulumi", "destroy", "--stack", STACK, "--yes", "--skip-preview", "--remove")


def configured(project: Project, **values: str) -> None:
    """Set keys of the stack; an empty value removes one."""
    for key, value in values.items():
        change = ["set", f"acr-transfer:{key}", value] if value else ["rm", f"acr-transfer:{key}"]
        project.run("pulumi", "config", *change, "--stack", STACK)


def deployed(project: Project) -> dict[str, Any]:
    """The stack's outputs after one `up`."""
    project.up(STACK)
    return project.outputs(STACK)


def test_a_stack_switches_to_its_identity_and_back_in_one_up_each(project: Project) -> None:
    token = deployed(project)
    configured(project, storageAccess="ManagedIdentity", sasExpiry="")
    identity = deployed(project)
    assert "sasSecretUri" not in identity
    assert (identity["exportPipelineId"], identity["runs"]) == (token["exportPipelineId"], token["runs"])
    assert BY_IDENTITY in project.run("pulumi", "stack", "--show-urns", "--stack", STACK)

    configured(project, forceUpdateTag="2")
    again = deployed(project)
    assert [run["status"] for run in again["runs"]] == ["Succeeded"]
    assert again["runs"][0]["started"] > token["runs"][0]["started"]

    configured(project, storageAccess="SasToken", sasExpiry="2098-01-01T00:00:00Z")
    back = deployed(project)
    assert back["sasSecretUri"].endswith("/secrets/acrexportsas")
    assert back["runs"] == again["runs"]
    project.run("pulumi", "preview", "--stack", STACK, "--expect-no-changes", "--diff")

    configured(project, forceUpdateTag="3")
    with_token = deployed(project)
    assert [run["status"] for run in with_token["runs"]] == ["Succeeded"]
    assert with_token["runs"][0]["started"] > again["runs"][0]["started"]


def test_another_name_replaces_the_pipeline_after_its_runs(project: Project) -> None:
    before = deployed(project)
    configured(project, pipeline="renamed")
    after = deployed(project)
    assert after["exportPipelineId"].endswith("/exportPipelines/renamed")
    assert [run["status"] for run in after["runs"]] == ["Succeeded"]
    assert {run["name"] for run in before["runs"]}.isdisjoint(run["name"] for run in after["runs"])
    project.run("pulumi", "preview", "--stack", STACK, "--expect-no-changes", "--diff")
