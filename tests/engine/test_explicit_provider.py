"""A program with an explicit provider: every resource of a side goes where that provider points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE, TARGET
from tests.engine.projects import Project

PROGRAM = """
import pulumi
from pulumi import ResourceOptions
from pulumi_azure_native.provider import Provider

from components import SourceSide

provider = Provider(
    "explicit",
    environment="{environment}",
    subscription_id="{subscription}",
    tenant_id="{tenant}",
    location="{location}",
)
args = {{
    "resource_group": "explicit-{mode}",
    "registry": "{registry}",
    "registry_resource_group": "{group}",
    "pipeline": "explicit{mode}",
    "artifacts": ["shop/web:1.0.0"],
    **{access},
}}
side = SourceSide("images", args, ResourceOptions(providers=[provider]))
pulumi.export("exportPipelineId", side.export_pipeline_id)
pulumi.export("runs", side.runs)
"""
ACCESS = {
    "SasToken": {"sas_expiry": "2098-01-01T00:00:00Z"},
    "ManagedIdentity": {"storage_access": "ManagedIdentity", "role_wait_seconds": 0},
}


@pytest.mark.parametrize("mode", ACCESS)
def test_an_explicit_provider_applies_to_every_resource(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], mode: str
) -> None:
    project = Project.made(tmp_path, checkout, sandbox_environment)
    (project.folder / "__main__.py").unlink()
    program = PROGRAM.format(
        environment=SOURCE.name,
        subscription=SOURCE.subscription,
        tenant=SOURCE.tenant,
        location=SOURCE.location,
        registry=SOURCE.registry,
        group=SOURCE.registry_group,
        mode=mode,
        access=ACCESS[mode],
    )
    (project.folder / "__main__.py").write_text(program)
    # The stack's own configuration points at the other cloud.
    stack = project.stack(f"explicit-{mode.lower()}", TARGET)
    project.up(stack)
    outputs = project.outputs(stack)
    assert outputs["exportPipelineId"].startswith(f"/subscriptions/{SOURCE.subscription}/")
    assert [run["status"] for run in outputs["runs"]] == ["Succeeded"]
    assert "unchanged" in project.up(stack)
    state = json.loads(project.run("pulumi", "stack", "export", "--stack", stack))
    ids = [each.get("id", "") for each in state["deployment"]["resources"]]
    assert not [id for id in ids if TARGET.subscription in id]
    project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")
