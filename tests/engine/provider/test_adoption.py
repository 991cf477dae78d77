"""Existing resources are imported by option and by command, and read, with the real engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project

REGISTRY = ResourceId(
    SOURCE.subscription, "images", "Microsoft.ContainerRegistry", ("registries", SOURCE.registry)
)
TARGET = {
    "type": "AzureStorageBlobContainer",
    "uri": "https://localhost/a/transfer",
    "keyVaultUri": "https://localhost/secrets/sas",
}
BODY: dict[str, Any] = {
    "location": SOURCE.location,
    "identity": {"type": "SystemAssigned"},
    "properties": {"target": TARGET, "options": ["OverwriteBlobs"]},
}
PROGRAM = f'''
import pulumi
from pulumi_azure_native import containerregistry

registry = containerregistry.Registry.get("existing", "{REGISTRY}")
adopted = containerregistry.ExportPipeline(
    "by-option", registry_name=registry.name, resource_group_name="images",
    export_pipeline_name="byOption", location="{SOURCE.location}",
    identity={{"type": "SystemAssigned"}}, target={TARGET!r}, options=["OverwriteBlobs"],
    opts=pulumi.ResourceOptions(import_="{REGISTRY}/exportPipelines/byOption", ignore_changes=["identity"]))
pulumi.export("loginServer", registry.login_server)
pulumi.export("principal", adopted.identity.apply(lambda identity: identity.principal_id))
'''


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    folder = tmp_path_factory.mktemp("adoption")
    (folder / "Pulumi.yaml").write_text(
        "{name: adoption, runtime: {name: python, options: {virtualenv: .venv}}}"
    )
    (folder / ".venv").symlink_to(checkout / ".venv")
    (folder / "__main__.py").write_text(PROGRAM)
    return Project(folder, sandbox_environment)


@pytest.fixture(scope="module")
def created(paths: Paths) -> dict[str, Any]:
    """Two pipelines, created by plain requests as by the Azure CLI; the responses by name."""
    cloud = Cloud(SOURCE, paths)
    headers = {"Authorization": f"Bearer {cloud.operator_token(cloud.audience)}"}
    trusted = str(paths.authority)
    responses = {}
    for name in ("byOption", "byCommand"):
        url = f"{cloud.arm}{REGISTRY}/exportPipelines/{name}?api-version=2023-01-01-preview"
        responses[name] = requests.put(url, json=BODY, headers=headers, verify=trusted, timeout=60).json()
    return responses


def test_existing_pipelines_are_imported_and_not_recreated(
    project: Project, created: dict[str, Any], paths: Paths
) -> None:
    stack = project.stack("adoption", SOURCE)
    command = ("pulumi", "import", "azure-native:containerregistry:ExportPipeline", "by-command")
    plain = ("--yes", "--generate-code=false", "--protect=false", "--stack", stack)
    project.run(*command, created["byCommand"]["id"], *plain)
    state = json.loads(project.run("pulumi", "stack", "export", "--stack", stack))["deployment"]["resources"]
    inputs = next(each["inputs"] for each in state if each["type"].endswith("ExportPipeline"))
    assert inputs["exportPipelineName"] == "byCommand"
    assert inputs["identity"]["principalId"] == created["byCommand"]["identity"]["principalId"]
    with (project.folder / "__main__.py").open("a") as program:
        program.write(_program_of(inputs))
    assert "1 imported" in project.up(stack)
    outputs = project.outputs(stack)
    assert outputs["principal"] == created["byOption"]["identity"]["principalId"]
    assert outputs["loginServer"] == Cloud(SOURCE, paths).login_server(SOURCE.registry)
    assert not re.search(r"\d+ (created|updated|deleted|replaced|imported)", project.up(stack))


def _program_of(inputs: dict[str, Any]) -> str:
    """The program for the imported inputs."""
    return f"""
containerregistry.ExportPipeline(
    "by-command", registry_name="{SOURCE.registry}", resource_group_name="images",
    export_pipeline_name="byCommand", location={inputs["location"]!r}, options={inputs["options"]!r},
    identity={inputs["identity"]!r}, target={inputs["target"]!r})
"""
