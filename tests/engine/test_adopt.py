"""What somebody made by hand comes under a stack as docs/adopt.md says: not replaced, and not run again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import status
from sandbox.facts import SOURCE
from sandbox.places import Places
from sandbox.store import Store
from tests.engine.existing import Existing
from tests.engine.projects import Project


@dataclass
class ByHand:
    """A source side that was set up with the commands of the Azure CLI, in IDs."""

    container: str
    secret: str
    pipeline: str
    grant: str


@pytest.fixture(scope="module")
def by_hand(places: Places) -> ByHand:
    made = Existing.of(places, SOURCE, "by-hand")
    account = made.account("madebyhand", "boxes")
    made.vault("made-by-hand")
    made.policy("made-by-hand", SOURCE.operator, "get", "delete")
    cloud = status.status(places)["clouds"]["source"]
    container = cloud["accounts"]["madebyhand"]["blob"].rstrip("/") + "/boxes"
    secret = cloud["vaults"]["made-by-hand"].rstrip("/") + "/secrets/oldsas"
    secret_id = made.secret("made-by-hand", "oldsas", "?sv=2025-01-05&sr=c&sig=made-by-hand")
    pipeline, principal = made.export_pipeline("madeByHand", container, secret)
    grant = made.policy("made-by-hand", principal)
    return ByHand(f"{account}/blobServices/default/containers/boxes", secret_id, pipeline, grant)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("adopt"), checkout, sandbox_environment)


@pytest.fixture(scope="module")
def adopted(project: Project, by_hand: ByHand) -> str:
    """The steps of the page."""
    group = {"resourceGroup": "by-hand", "createResourceGroup": False, "pipeline": "madeByHand"}
    there = {"storageAccount": "madebyhand", "container": "boxes", "vault": "made-by-hand"}
    stack = project.source("adopt", ["shop/web:1.0.0"], **group, **there, sasSecretName="oldsas")
    project.run("pulumi", "preview", "-s", stack, "--import-file", "adopt.json")
    listed = json.loads((project.folder / "adopt.json").read_text())
    ids = {
        "azure-native:storage:BlobContainer": by_hand.container,
        "azure-native:keyvault:Secret": by_hand.secret,
        "azure-native:containerregistry:ExportPipeline": by_hand.pipeline,
        "azure-native:keyvault:AccessPolicy": by_hand.grant,
    }
    kept = [
        each if each.get("component") else {**each, "id": ids[each["type"]]}
        for each in listed["resources"]
        if each.get("component") or each["type"] in ids
    ]
    (project.folder / "adopt.json").write_text(json.dumps({"resources": kept}))
    plain = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false")
    project.run("pulumi", "import", "-s", stack, "--file", "adopt.json", *plain)
    return stack


def steps(project: Project, stack: str) -> dict[str, str]:
    """What a preview would do, by type."""
    said = project.run("pulumi", "preview", "-s", stack, "--json")
    found: list[dict[str, Any]] = json.loads(said[said.index("{") :])["steps"]
    return {step["urn"].split("::")[-2].split("$")[-1]: step["op"] for step in found if step["op"] != "same"}


def test_a_preview_shows_that_nothing_is_replaced(project: Project, adopted: str) -> None:
    assert steps(project, adopted) == {
        "azure-native:containerregistry:ExportPipeline": "update",
        "azure-native:containerregistry:PipelineRun": "create",
        "azure-native:keyvault:Secret": "update",
    }


def test_the_first_up_keeps_the_pipeline_with_its_identity_and_the_second_changes_nothing(
    project: Project, adopted: str, by_hand: ByHand, places: Places
) -> None:
    store = Store(places.state / SOURCE.side)
    before = (store.get(by_hand.pipeline) or {})["identity"]["principalId"]
    said = project.up(adopted)
    assert re.search(r"1 created\s+~ 2 updated", said), said
    assert (store.get(by_hand.pipeline) or {})["identity"]["principalId"] == before
    assert {run["status"] for run in project.outputs(adopted)["runs"]} == {"Succeeded"}
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", project.up(adopted))
