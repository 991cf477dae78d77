"""A parameterized package of azure-native in another API version, with the real engine."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project

PACKAGE = "azure-native_containerregistry_v20231101preview"
PROGRAM = f'''
import base64, json
import pulumi
from pulumi.runtime.proto import resource_pb2

PACKAGE = "{PACKAGE}"


async def package_ref():
    monitor = pulumi.runtime.settings.get_monitor()
    value = base64.b64encode(json.dumps(
        {{"module": "containerregistry", "version": "v20231101preview"}}).encode())
    request = resource_pb2.RegisterPackageRequest(
        name="azure-native", version="3.29.0",
        parameterization=resource_pb2.Parameterization(name=PACKAGE, version="3.29.0", value=value))
    return monitor.RegisterPackage(request).ref


class Pipeline(pulumi.CustomResource):
    identity: pulumi.Output
    target: pulumi.Output

    def __init__(self, name, props, opts):
        super().__init__(f"{{PACKAGE}}:containerregistry:ExportPipeline", name,
                         {{"identity": None, "target": None, **props}}, opts, package_ref=package_ref())


configured = pulumi.Config("azure-native")
provider = pulumi.ProviderResource(
    PACKAGE, "pipelines",
    {{key: configured.get(key) for key in ("environment", "subscriptionId", "tenantId", "location")}},
    package_ref=package_ref())
pipeline = Pipeline("by-identity", {{
    "resourceGroupName": "images", "registryName": "contososource", "exportPipelineName": "byIdentity",
    "identity": {{"type": "SystemAssigned"}},
    "target": {{"type": "AzureStorageBlobContainer", "keyVaultUri": "https://localhost/secrets/sas",
                "uri": "https://localhost/account/transfer"}},
}}, pulumi.ResourceOptions(provider=provider))
pulumi.export("uri", pipeline.target.apply(lambda target: target["uri"]))
pulumi.export("principal", pipeline.identity.apply(lambda identity: identity["principalId"]))
'''


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    folder = tmp_path_factory.mktemp("parameterized")
    (folder / "Pulumi.yaml").write_text(
        "{name: parameterized, runtime: {name: python, options: {virtualenv: .venv}}}"
    )
    (folder / ".venv").symlink_to(checkout / ".venv")
    (folder / "__main__.py").write_text(textwrap.dedent(PROGRAM))
    return Project(folder, sandbox_environment)


def test_a_pipeline_of_another_version_is_created_kept_and_deleted(project: Project, paths: Paths) -> None:
    stack = project.stack("modes", SOURCE)
    project.up(stack)
    outputs = project.outputs(stack)
    assert outputs["uri"] == "https://localhost/account/transfer"
    assert outputs["principal"]
    assert "3 unchanged" in project.up(stack)
    assert "unchanged" in project.run("pulumi", "refresh", "--yes", "--stack", stack)
    project.run("pulumi", "destroy", "--yes", "--stack", stack)
    sent = [each for each in _exchanges(paths) if "/exportPipelines/byIdentity" in each["url"]]
    assert {each["url"].partition("api-version=")[2] for each in sent} == {"2023-11-01-preview"}
    assert [each["status"] for each in sent if each["method"] == "DELETE"] == [200]


def _exchanges(paths: Paths) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json.dumps(list(Cloud(SOURCE, paths).request_log.exchanges())))
    return found
