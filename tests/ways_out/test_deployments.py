"""The ways out of errors of `pulumi up`: resources that exist, and existing ones that do not suit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing, token_by_hand
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice, fault
from tests.ways_out.pair import FEW, Pair, leads_out


@pytest.fixture
def bare(project: Project, paths: Paths, request: pytest.FixtureRequest) -> Pair:
    """A pair whose stacks are not deployed."""
    return Pair(project, paths, request.node.name.removeprefix("test_")[:12].replace("_", ""))


@leads_out("resource-group-exists", "container-exists", "secret-exists", "pipeline-exists")
def test_walls_of_resources_that_exist_are_passed_one_by_one(bare: Pair) -> None:
    made = Existing.of(bare.paths, SOURCE, "waysoutwalls")
    made.account("waysoutwalls", "boxes")
    made.vault("waysout-walls")
    made.policy("waysout-walls", SOURCE.operator, "get", "delete")
    made.secret("waysout-walls", "acrexportsas", token_by_hand())
    made.export_pipeline("waysoutwalls", "https://one.example/c", "https://two.example/secrets/s")
    existing = {"storageAccount": "waysoutwalls", "container": "boxes", "vault": "waysout-walls"}
    bare.project.source(bare.source, FEW, resourceGroup="waysoutwalls", pipeline="waysoutwalls", **existing)
    ways: dict[str, tuple[int, dict[str, str]]] = {
        "resource-group-exists": (0, {}),
        "container-exists": (0, {}),
        "secret-exists": (0, {"name": "waysoutsas"}),
        "pipeline-exists": (0, {"name": "waysoutfree"}),
    }
    bare.follow_all(bare.up("source", good=False), "source", ways)
    bare.works("source")


@leads_out("registry-name-taken", "account-name-taken", "vault-name-taken", "identity-exists")
def test_taken_names_are_replaced_one_by_one(bare: Pair) -> None:
    made = Existing.of(bare.paths, SOURCE, "waysouttaken")
    made.account("waysouttaken", "boxes")
    made.vault("waysout-taken")
    identity = made.identity(f"{SOURCE.registry}-waysouttaken")
    names = {"newStorageAccountName": "waysouttaken", "newVaultName": "waysout-taken"}
    new = {"createRegistry": True, "registryResourceGroup": "", "createIdentity": True}
    group = {"resourceGroup": "waysouttaken", "createResourceGroup": False, "pipeline": "waysouttaken"}
    bare.project.source(bare.source, FEW, **names, **new, **group)
    ways = {
        "registry-name-taken": (1, {"its_resource_group": SOURCE.registry_group}),
        "account-name-taken": (0, {"name": "waysoutfree"}),
        "vault-name-taken": (0, {"name": "waysout-free"}),
        "identity-exists": (0, {"its_resource_ID": identity}),
    }
    bare.follow_all(bare.up("source", good=False), "source", ways)
    bare.works("source")


@leads_out("existing-account-refuses-keys", "vault-uses-roles", "existing-vault-closed")
def test_existing_resources_that_do_not_suit_are_changed_one_by_one(bare: Pair) -> None:
    made = Existing.of(bare.paths, SOURCE, "waysoutexisting")
    azure = bare.azure("source")
    azure.change(made.account("waysoutexisting", "transfer"), allowSharedKeyAccess=False)
    vault = made.vault("waysout-existing", rbac=True)
    made.officer(vault)
    azure.change(vault, networkAcls={"defaultAction": "Deny", "bypass": "None"})
    existing = {"storageAccount": "waysoutexisting", "vault": "waysout-existing", "createContainer": False}
    group = {"resourceGroup": "waysoutexisting", "createResourceGroup": False}
    bare.project.source(bare.source, FEW, **existing, **group)
    ways: dict[str, tuple[int, dict[str, str]]] = {
        "existing-account-refuses-keys": (1, {}),
        "vault-uses-roles": (0, {}),
        "existing-vault-closed": (0, {}),
    }
    bare.follow_all(bare.up("source", good=False), "source", ways)
    bare.works("source")


@leads_out("vault-uses-policies")
def test_the_permission_model_of_an_existing_vault_is_adopted(bare: Pair) -> None:
    made = Existing.of(bare.paths, SOURCE, "waysoutpolicies")
    made.vault("waysout-policies")
    made.policy("waysout-policies", SOURCE.operator, "get", "delete")
    group = {"resourceGroup": "waysoutpolicies", "createResourceGroup": False}
    bare.project.source(bare.source, FEW, vault="waysout-policies", vaultAccess="rbac", **group)
    bare.follow(bare.up("source", good=False), "vault-uses-policies", side="source")
    bare.works("source")


@leads_out("vault-policies-sovereign")
def test_an_existing_vault_of_a_sovereign_cloud_gets_roles(bare: Pair) -> None:
    made = Existing.of(bare.paths, SOURCE, "waysoutgov")
    vault = made.vault("waysout-gov")
    made.officer(vault)
    group = {"resourceGroup": "waysoutgov", "createResourceGroup": False}
    bare.project.source(bare.source, FEW, vault="waysout-gov", **group)
    bare.set("source", "azure-native:environment", "usgovernment")
    bare.follow(bare.up("source", good=False), "vault-policies-sovereign", side="source")
    bare.works("source")


@leads_out("source-unreadable", "stack-not-deployed", "other-stacks")
def test_a_target_waits_for_its_source(bare: Pair) -> None:
    bare.project.source(bare.source, FEW)
    bare.project.target(bare.target, bare.source, sourceTriggerStatus="Disabled")
    said = bare.up("target", good=False)
    only = ("status", "--only", "source", "--source")
    unknown = bare.command(*only, f"{bare.source}x", code=4)
    bare.follow(unknown, "other-stacks", side="source", its_name=bare.source)
    bare.project.run("pulumi", "stack", "rename", bare.source, "--stack", f"{bare.source}x")
    bare.follow(bare.command(*only, bare.source, code=4), "stack-not-deployed", side="source")
    bare.follow(said, "source-unreadable", side="target")
    bare.command("hop", *bare.both, code=0)
    bare.up("target")
    bare.works("source", "target")


@leads_out("no-such-stack")
def test_the_first_stack_of_a_project_is_created(bare: Pair, tmp_path: Path) -> None:
    own = {"PULUMI_BACKEND_URL": tmp_path.as_uri()}
    alone = Pair(replace(bare.project, environment=bare.project.environment | own), bare.paths, bare.name)
    alone.project.source(alone.source, FEW)
    alone.project.run("pulumi", "stack", "rm", "--yes", "--preserve-config", alone.source)
    said = alone.command("status", "--only", "source", "--source", alone.source, code=4)
    alone.follow(said, "no-such-stack", side="source")
    alone.up("source")
    alone.works("source")


@leads_out("empty-handover")
def test_a_source_whose_runs_failed_exports_after_its_fault(bare: Pair) -> None:
    bare.project.source(bare.source, FEW)
    bare.project.target(bare.target, bare.source, sourceTriggerStatus="Disabled")
    # With the other answer the engine records a failed run, and the stack has a hand-over without its blob.
    with (
        choice(bare.paths, "source", "failed-run", "succeeded"),
        fault(bare.paths, "source", "registry", status=503),
    ):
        bare.up("source", good=False)
    bare.up("target")
    said = bare.command("hop", *bare.both, code=5)
    why = bare.follow(said, "empty-handover", side="source", way=0, good=False)
    bare.check(why, "service-busy")
    bare.follow(said, "empty-handover", side="source", way=1)
    bare.command("hop", *bare.both, code=0)
    bare.up("target")
    bare.works("source", "target")
