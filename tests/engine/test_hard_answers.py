"""Stacks on the real engine under the harder answers of Azure: vaults, accounts, containers and clouds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.cloud import VAULTS, Cloud
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import EVERY_RUN, Project
from tests.engine.provider.stand_in import CallFailedError, StandIn, running
from tests.sandbox.faults.control import fault

FEW = ["shop/web:1.0.0"]


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("hard"), checkout, sandbox_environment)


def _destroy(project: Project, stack: str) -> None:
    project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")


def test_a_closed_vault_shuts_the_pipeline_out_and_the_message_opens_it(
    project: Project, paths: Paths
) -> None:
    stack = project.source("walled", FEW, vaultAddresses=["203.0.113.7"])
    said = project.up(stack, good=False)
    assert "caller is not a trusted service" in said
    fix = re.search(r"To open the vault of this deployment:\n +(pulumi config rm \S+ -s walled)", said)
    assert fix, said
    project.run(*fix[1].split())
    project.up(stack)
    (run,) = project.outputs(stack)["runs"]
    assert run["status"] == "Succeeded"
    assert "networkAcls" not in _vault(paths)  # as Azure shows a vault that is open to every network
    project.run("pulumi", "config", "set", "--path", "acr-transfer:vaultAddresses[0]", "None", "-s", stack)
    project.up(stack)
    assert _vault(paths)["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    assert fix[1] in " ".join(
        project.run("acr-transfer", "doctor", "--only", "source", "--source", stack).split()
    )
    _destroy(project, stack)


def _vault(paths: Paths) -> dict[str, Any]:
    """The properties of the vault of the stack `walled`."""
    vaults = Cloud(SOURCE, paths).resources.of_type(VAULTS)
    (found,) = (each["properties"] for each in vaults if "/tests-walled/" in each["id"])
    return dict(found)


def test_the_defaults_work_in_sovereign_clouds_and_while_an_account_is_busy(
    project: Project, paths: Paths
) -> None:
    source = project.source("gov-side", FEW)
    target = project.target("china-side", source, vaultAccess="accessPolicy")
    for stack, cloud in ((source, "usgovernment"), (target, "china")):
        project.run("pulumi", "config", "set", "azure-native:environment", cloud, "--stack", stack)
    busy = {"method": "PUT", "path": "managementPolicies", "code": "StorageAccountOperationInProgress"}
    with fault(paths, "source", "arm", status=409, times=1, **busy) as refused:
        project.up(source)
        assert refused() == 1
    said = project.up(target, good=False)
    assert "vaultAccess is 'accessPolicy'; expected rbac: azure-native writes access policies in" in said
    fix = re.search(r"(pulumi config set acr-transfer:vaultAccess rbac) -s china-side", said)
    assert fix, said
    project.run(*fix[1].split(), "--stack", target)
    project.up(target)
    for stack in (source, target):
        project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes")
        state = json.loads(project.run("pulumi", "stack", "export", "--stack", stack))
        types = {each["type"] for each in state["deployment"]["resources"]}
        assert "azure-native:authorization:RoleAssignment" in types
        assert "azure-native:keyvault:AccessPolicy" not in types
    project.run("acr-transfer", "hop", "--source", source, "--target", target)
    project.run("acr-transfer", "prove", "--source", source, "--target", target, "--wait", "120")
    project.run("acr-transfer", "clean", "--source", source, "--target", target, *EVERY_RUN)
    for stack in (target, source):
        _destroy(project, stack)


@pytest.mark.parametrize("definition", [SOURCE, TARGET], ids=lambda each: each.other_name)
def test_the_stand_in_writes_no_access_policy_in_a_sovereign_cloud(
    sandbox_environment: dict[str, str], paths: Paths, definition: CloudDefinition
) -> None:
    existing = Existing.of(paths, definition, "sovereign")
    existing.vault(f"sovereign-{definition.side}")
    inputs = {
        "resourceGroupName": "sovereign",
        "vaultName": f"sovereign-{definition.side}",
        "policy": {
            "objectId": definition.operator,
            "tenantId": definition.tenant,
            "permissions": {"secrets": ["get"]},
        },
    }

    def create(stand_in: StandIn) -> str:
        return stand_in.check_and_create("keyvault:AccessPolicy", inputs)[0]

    sovereign = replace(definition, name=definition.other_name)
    with (
        running(sandbox_environment, sovereign) as stand_in,
        pytest.raises(CallFailedError, match=r"management\.azure\.com"),
    ):
        create(stand_in)
    with running(sandbox_environment, definition) as stand_in:
        assert create(stand_in).endswith(definition.operator)
