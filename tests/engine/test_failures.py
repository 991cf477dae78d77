"""The message of a deployment that fails: one, with the fix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("failures"), checkout, sandbox_environment)


def test_all_faults_of_a_configuration_are_reported_before_anything_is_created(project: Project) -> None:
    stack = project.source("faulty", ["shop/web:1.0.0", "shop/web@sha256:12"], pipeline="no-good")
    said = project.up(stack, good=False)
    assert "no-good" in said
    assert "sha256:12" in said
    assert "Traceback" not in said
    assert "StorageAccount" not in said


def test_a_missing_tag_fails_the_deployment_with_the_runs_message(project: Project) -> None:
    stack = project.source("unknown-tag", ["shop/web:9.9.9", "shop/web:1.0.0"])
    said = project.up(stack, good=False)
    lines = said[said.index("PipelineRuns (transfer-run)") :].splitlines()[1:4]
    assert lines[0].strip() == "error: Artifacts not found in registry 'contososource': 'shop/web:9.9.9'."
    assert "artifacts shop/web:1.0.0, shop/web:9.9.9" in lines[1]
    assert lines[2].strip() == "An artifact is not in the source registry under this name."
    assert "Traceback" not in said
    project.run(
        "pulumi", "config", "set", "--path", "acr-transfer:artifacts[0]", "shop/web:1.1.0", "-s", stack
    )
    assert "1 created" in project.up(stack)


def test_a_taken_registry_name_is_an_error_with_its_fixes(project: Project) -> None:
    made = {"createRegistry": True, "registryResourceGroup": ""}
    said = project.up(project.source("taken", ["shop/web:1.0.0"], **made), good=False)
    assert "The registry name contososource already exists; this deployment would create it." in said
    assert "It may belong to another tenant" in said
    assert "pulumi config set acr-transfer:registry <name> -s taken" in said
    assert "pulumi config set acr-transfer:createRegistry false -s taken" in said
    assert "Traceback" not in said


def test_a_taken_name_of_a_new_account_and_vault_is_an_error_with_its_fix(
    project: Project, paths: Paths
) -> None:
    existing = Existing.of(paths, SOURCE, "taken-names")
    existing.account("takenaccount", "boxes")
    existing.vault("taken-vault")
    names = {"newStorageAccountName": "takenaccount", "newVaultName": "taken-vault"}
    said = project.up(project.source("taken-names", ["shop/web:1.0.0"], **names), good=False)
    assert "The storage account name takenaccount already exists; this deployment would create it." in said
    assert "pulumi config set acr-transfer:newStorageAccountName <name> -s" in said
    assert "The key vault name taken-vault already exists; this deployment would create it." in said
    assert "pulumi config set acr-transfer:newVaultName <name> -s" in said
    assert "Traceback" not in said


def test_a_target_without_a_deployed_source_creates_nothing(project: Project) -> None:
    stack = project.target("alone", "never-deployed")
    said = project.up(stack, good=False)
    assert "never-deployed" in said
    assert "StorageAccount" not in said
    assert "Traceback" not in said


def test_a_stopped_sandbox_is_an_error_with_the_command_that_starts_it(project: Project) -> None:
    stack = project.source("no-sandbox", ["shop/web:1.0.0"])
    dead = Project(project.folder, {**project.environment, "ARM_METADATA_HOSTNAME": "localhost:1"})
    said = dead.up(stack, good=False)
    assert "python -m sandbox up" in said
    assert "Traceback" not in said


def test_a_throttled_cloud_is_waited_for_and_closed_storage_is_an_error_with_its_fix(
    project: Project, paths: Paths
) -> None:
    stack = project.source("troubled", ["shop/web:1.0.0"])
    with (
        fault(paths, "source", "arm", status=429, retry_after=1, times=2, method="PUT") as throttled,
        fault(paths, "source", "storage", path="/transfer", firewall=True) as refused,
    ):
        said = project.up(stack, good=False)
        assert (throttled(), refused() > 0) == (2, True)
    assert "Failed to access storage.  Service request failed.  Status: 403 (AuthorizationFailure)" in said
    assert re.search(r"az storage account update --name transfer\w+ --public-network-access Enabled", said)
    assert "429" not in said
    assert "2 updated" in project.up(stack)  # the run, and the failures that the state keeps
