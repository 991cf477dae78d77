"""The variants of a side on the real engine: deployed, deployed again unchanged, and destroyed."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.review.configuration import with_waivers
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from sandbox.keyvault.secrets import Secrets
from sandbox.samples import artifacts
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.engine.request_models import unknown_fields
from tests.policy_engine.reviews import POLICY, review, strict

SMALL = [artifact for artifact in artifacts() if not artifact.startswith("data/")]
FEW = ["shop/web:1.0.0", "shop/api:1.0.0"]
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}


@dataclass
class ExistingResources:
    """Resources that existed before the stacks, created with Azure's own clients."""

    account: str
    vault: str
    vault_by_policy: str
    identity: str
    target_account: str


@pytest.fixture(scope="module")
def existing(paths: Paths) -> ExistingResources:
    made = Existing.of(paths, SOURCE, "before")
    account, vault = made.account("accountbefore", "boxes"), made.vault("before", rbac=True)
    made.officer(vault)
    by_policy = made.vault("vault-by-policy")
    made.policy("vault-by-policy", SOURCE.operator, "get", "delete")
    far = Existing.of(paths, TARGET, "before").account("therefar")
    return ExistingResources(account, vault, by_policy, made.identity("mover"), far)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    made = Project.made(tmp_path_factory.mktemp("variants"), checkout, sandbox_environment)
    made.token_ends = f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"
    return made


@pytest.fixture(scope="module")
def pack(project: Project) -> tuple[str, ...]:
    """The policy pack at its strictest, for stacks that are destroyed again."""
    unprotected = {"protect-stores": "disabled", "vault-recoverable": {"requirePurgeProtection": False}}
    waivers = json.loads((POLICY / "waivers.json").read_text())
    config = strict(project.folder, **unprotected)
    config.write_text(json.dumps(with_waivers(json.loads(config.read_text()), waivers)))
    return ("--policy-pack", str(POLICY), "--policy-pack-config", str(config))


def everything_existing(project: Project, existing: ExistingResources) -> str:
    """Only the secret, the pipeline, the permission and the runs are new; one run at a time."""
    own = {"resourceGroup": "before", "createResourceGroup": False, "maxConcurrentRuns": 1}
    account = {"storageAccount": existing.account, "container": "boxes", "createContainer": False}
    vault = {"vault": existing.vault, "vaultAccess": "rbac", "sasKey": "key2"}
    return project.source("v-existing", SMALL, **own, **account, **vault, identity=existing.identity)


def own_identity(project: Project, existing: ExistingResources) -> str:
    """A new identity with an access policy in an existing vault, and tags."""
    vault = {"vault": existing.vault_by_policy, "sasSecretName": "mine"}
    options = ["OverwriteBlobs", "ContinueOnErrors"]
    return project.source(
        "v-identity", FEW, **vault, createIdentity=True, options=options, tags={"owner": "tests"}
    )


def no_token(project: Project, existing: ExistingResources) -> str:
    """The pipeline's own identity in a new account, without a token."""
    del existing
    return project.source("v-managed", FEW, **MANAGED, blobPrefix="nightly/", blobRetentionDays=7)


def no_token_existing(project: Project, existing: ExistingResources) -> str:
    """An existing identity and an existing account, without a token."""
    account = {"resourceGroup": "before", "createResourceGroup": False, "storageAccount": "accountbefore"}
    return project.source(
        "v-people", FEW, **MANAGED, **account, container="others", identity=existing.identity
    )


def new_registry(project: Project, existing: ExistingResources) -> str:
    """A new registry, a role on a new vault, chosen names, and a hand-over from a file."""
    del existing
    (project.folder / "handover.json").write_text(
        project.run("pulumi", "stack", "output", "handover", "-s", "v-existing")
    )
    made = {"registry": "contosonewest", "registryResourceGroup": "", "createRegistry": True}
    vault = {"vaultAccess": "rbac", "purgeProtection": False, "location": "westeurope"}
    vault |= {"newVaultName": "contoso-new-vault", "newStorageAccountName": "contosonewaccount"}
    return project.target("v-registry", "", **made, **vault, handover="handover.json")


def no_token_target(project: Project, existing: ExistingResources) -> str:
    """Imports without a token that keep their blobs, with a new identity, from an existing account."""
    own = {"storageAccount": existing.target_account, "createIdentity": True, "options": ["OverwriteTags"]}
    return project.target("v-reader", "v-existing", **MANAGED, **own)


CASES: list[tuple[CloudDefinition, Callable[[Project, ExistingResources], str]]] = [
    (SOURCE, everything_existing),
    (SOURCE, own_identity),
    (SOURCE, no_token),
    (SOURCE, no_token_existing),
    (TARGET, new_registry),
    (TARGET, no_token_target),
]


@pytest.fixture(scope="module")
def begun() -> float:
    """The time before the first of these stacks: earlier requests come from other tests."""
    return time.time()


@pytest.fixture(scope="module")
def deployed(
    project: Project, existing: ExistingResources, pack: tuple[str, ...], begun: float
) -> dict[str, tuple[CloudDefinition, dict[str, Any]]]:
    """Every stack with its outputs. A violation of the pack, which reads the tokens, would stop it."""
    found = {}
    for definition, case in CASES:
        stack = case(project, existing)
        project.up(stack, *pack)
        found[stack] = (definition, project.outputs(stack))
    return found


def test_every_run_of_every_variant_succeeds(
    deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]],
) -> None:
    states = {stack: {run["status"] for run in each["runs"]} for stack, (_, each) in deployed.items()}
    sources = {"v-existing", "v-identity", "v-managed", "v-people"}
    assert states == {stack: {"Succeeded"} if stack in sources else set() for stack in deployed}


def test_no_token_is_shown_while_the_pack_reads_them_all(
    project: Project, deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]]
) -> None:
    assert project.said.count("Policies:") == len(deployed)
    assert "sig=" not in project.said


def test_only_stacks_with_a_token_have_its_uri_as_output(
    deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]],
) -> None:
    with_token = {stack for stack, (_, each) in deployed.items() if "sasSecretUri" in each}
    assert with_token == {"v-existing", "v-identity", "v-registry"}


def test_no_more_runs_than_the_limit_are_in_progress(
    deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]],
) -> None:
    runs = sorted(deployed["v-existing"][1]["runs"], key=lambda run: run["started"])
    assert len(runs) > 1
    assert all(before["finished"] <= after["started"] for before, after in itertools.pairwise(runs))


def test_a_second_up_of_every_variant_changes_nothing(
    project: Project, deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]]
) -> None:
    said = {stack: project.up(stack) for stack in deployed}
    changed = {
        stack: re.findall(r"\d+ (?:created|updated|deleted|replaced)", text) for stack, text in said.items()
    }
    assert {stack: found for stack, found in changed.items() if found} == {}


def test_an_exported_state_is_reviewed_without_its_program_and_passphrase(
    project: Project, pack: tuple[str, ...], deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]]
) -> None:
    assert "v-identity" in deployed
    file, profile = project.folder / "exported.json", pack[-1]
    project.run("pulumi", "stack", "export", "--stack", "v-identity", "--file", str(file))
    without = {name: text for name, text in project.environment.items() if "PASSPHRASE" not in name}
    good = review(project.folder, without, "--state", str(file), profile=profile)
    assert (good.code, good.rules(), good.report["stacks"][0]["resources"] > 10) == (0, set(), True), (
        good.text
    )
    file.write_text(file.read_text().replace("TLS1_2", "TLS1_0"))
    bad = review(project.folder, without, "--state", str(file), profile=profile)
    assert (bad.code, bad.rules()) == (1, {"storage-min-tls"}), bad.text
    assert "sig=" not in good.everything + bad.everything


def test_azures_own_models_have_every_field_that_the_program_sends(
    paths: Paths, deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]], begun: float
) -> None:
    del deployed
    sent = [
        each for definition in (SOURCE, TARGET) for each in Cloud(definition, paths).request_log.exchanges()
    ]
    bodies = [
        (each["url"], json.loads(each["request"]))
        for each in sent
        if each["time"] >= begun and each["endpoint"] == "arm" and each["method"] == "PUT"
        if each["status"] < 300 and each["request"]
    ]
    assert len(bodies) > 40
    found = {url: unknown_fields(url, body) for url, body in bodies}
    assert {url: faults for url, faults in found.items() if faults} == {}


def test_an_unknown_field_is_found() -> None:
    base = "/subscriptions/s/resourceGroups/g/providers"
    account = f"{base}/Microsoft.Storage/storageAccounts/a?api-version=2024-01-01"
    assert unknown_fields(account, {"properties": {"allowSharedKeys": True}}) == [
        "properties.allowSharedKeys"
    ]
    pipeline = (
        f"{base}/Microsoft.ContainerRegistry/registries/r/exportPipelines/p?api-version=2023-01-01-preview"
    )
    assert unknown_fields(pipeline, {"properties": {"target": {"mode": "x"}}}) == ["properties.target.mode"]


def test_destroyed_stacks_leave_only_what_existed_before(
    project: Project,
    paths: Paths,
    existing: ExistingResources,
    deployed: dict[str, tuple[CloudDefinition, dict[str, Any]]],
) -> None:
    before = {"images", "before"}
    for stack in reversed(deployed):
        project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview", "--suppress-progress")
    for definition in (SOURCE, TARGET):
        store = Cloud(definition, paths).resources
        left = [each["id"] for typ in PARTS for each in store.of_type(typ)]
        mine = [
            id for id in left if re.search("/(v-|v)(existing|identity|managed|people|registry|reader)", id)
        ]
        assert mine == []
        groups = {each["name"] for each in store.of_type("Microsoft.Resources/resourceGroups")}
        assert not {name for name in groups - before if name.startswith("tests-v-")}
    assert Cloud(SOURCE, paths).resources.get(existing.account)
    for vault in (existing.vault, existing.vault_by_policy):
        assert Cloud(SOURCE, paths).resources.get(vault)
    assert Secrets(Cloud(SOURCE, paths).database, "vault-by-policy").deleted("mine")
    assert Cloud(TARGET, paths).resources.get(existing.target_account)


PARTS = (
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.ContainerRegistry/registries/exportPipelines",
    "Microsoft.ContainerRegistry/registries/importPipelines",
    "Microsoft.ContainerRegistry/registries/pipelineRuns",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
)
