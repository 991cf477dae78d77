"""Resources created by hand are adopted as docs/adopt.md describes: not replaced, and no run again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.model.roles import Role
from sandbox import status
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing, token_by_hand
from tests.engine.projects import Project


@dataclass
class ByHand:
    """A source side created with the Azure CLI: its pipeline, and the IDs of all resources."""

    pipeline: str
    ids: dict[str, str]


def by_hand(paths: Paths, vault: str, pipeline: str, *, rbac: bool) -> ByHand:
    """A pipeline whose identity has an access policy or a role on a vault."""
    made = Existing.of(paths, SOURCE, "by-hand")
    vault_id = made.vault(vault, rbac=rbac)
    cloud = status.status(paths)["clouds"]["source"]
    url = cloud["accounts"]["madebyhand"]["blob"].rstrip("/") + "/boxes"
    secret = cloud["vaults"][vault].rstrip("/") + "/secrets/oldsas"
    secret_id = made.secret(vault, "oldsas", token_by_hand())
    pipeline_id, principal = made.export_pipeline(pipeline, url, secret)
    ids = {"keyvault:Secret": secret_id, "containerregistry:ExportPipeline": pipeline_id}
    if rbac:
        ids["authorization:RoleAssignment"] = made.role(vault_id, Role.VAULT_SECRETS_USER, principal)
    else:
        ids["keyvault:AccessPolicy"] = made.policy(vault, principal)
    return ByHand(pipeline_id, ids)


@pytest.fixture(scope="module")
def account(paths: Paths) -> str:
    """The account that both pipelines write to."""
    return Existing.of(paths, SOURCE, "by-hand").account("madebyhand", "boxes")


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("adopt"), checkout, sandbox_environment)


def taken_over(project: Project, stack: str, ids: dict[str, str], **config: Any) -> None:
    """The steps of the page."""
    group = {"resourceGroup": "by-hand", "createResourceGroup": False, "storageAccount": "madebyhand"}
    project.source(stack, ["shop/web:1.0.0"], **group, **config, container="boxes", sasSecretName="oldsas")
    project.run("pulumi", "preview", "-s", stack, "--import-file", "adopt.json")
    listed = json.loads((project.folder / "adopt.json").read_text())
    named = {f"azure-native:{typ}": id for typ, id in ids.items()}
    kept = [
        each if each.get("component") else {**each, "id": named[each["type"]]}
        for each in listed["resources"]
        if each.get("component") or each["type"] in named
    ]
    (project.folder / "adopt.json").write_text(json.dumps({"resources": kept}))
    plain = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false")
    project.run("pulumi", "import", "-s", stack, "--file", "adopt.json", *plain)


@pytest.fixture(scope="module")
def made(paths: Paths, account: str) -> ByHand:
    """A pipeline, a container, a secret and an access policy."""
    found = by_hand(paths, "made-by-hand", "madeByHand", rbac=False)
    Existing.of(paths, SOURCE, "by-hand").policy("made-by-hand", SOURCE.operator, "get", "delete")
    found.ids["storage:BlobContainer"] = f"{account}/blobServices/default/containers/boxes"
    return found


@pytest.fixture(scope="module")
def adopted(project: Project, made: ByHand) -> str:
    taken_over(project, "adopt", made.ids, pipeline="madeByHand", vault="made-by-hand")
    return "adopt"


def steps(project: Project, stack: str) -> dict[str, str]:
    """The steps of a preview, by type."""
    said = project.run("pulumi", "preview", "-s", stack, "--json")
    found: list[dict[str, Any]] = json.loads(said[said.index("{") :])["steps"]
    return {step["urn"].split("::")[-2].split("$")[-1]: step["op"] for step in found if step["op"] != "same"}


def test_a_preview_shows_that_nothing_is_replaced(project: Project, adopted: str) -> None:
    assert steps(project, adopted) == {
        "azure-native:containerregistry:ExportPipeline": "update",
        "azure-native:containerregistry:PipelineRun": "create",
        "azure-native:keyvault:Secret": "update",
        "pulumi:index:Stash": "create",
    }


def test_a_role_on_a_vault_is_kept_too(project: Project, paths: Paths, account: str) -> None:
    del account
    found = by_hand(paths, "made-by-role", "madeByRole", rbac=True)
    config = {"vault": "made-by-role", "vaultAccess": "rbac", "createContainer": False}
    taken_over(project, "adopt-role", found.ids, pipeline="madeByRole", **config)
    assert steps(project, "adopt-role") == {
        "azure-native:containerregistry:ExportPipeline": "update",
        "azure-native:containerregistry:PipelineRun": "create",
        "azure-native:keyvault:Secret": "update",
        "pulumi:index:Stash": "create",
    }


def test_the_first_up_keeps_the_pipeline_with_its_identity_and_the_second_changes_nothing(
    project: Project, adopted: str, made: ByHand, paths: Paths
) -> None:
    store = Cloud(SOURCE, paths).resources
    before = (store.get(made.pipeline) or {})["identity"]["principalId"]
    said = project.up(adopted)
    assert re.search(r"3 created\s+~ 2 updated", said), said
    assert (store.get(made.pipeline) or {})["identity"]["principalId"] == before
    assert {run["status"] for run in project.outputs(adopted)["runs"]} == {"Succeeded"}
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", project.up(adopted))
