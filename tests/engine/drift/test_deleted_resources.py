"""Whatever was deleted in Azure, doctor names it, and its commands lead to a transfer that ends well."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.drift.deleted import Side
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice, fault
from tests.ways_out.pair import leads_out

FEW = ["shop/web:1.0.0"]
ANSWERS = {
    "defaults": {},
    "others": {"missing-container": "ResourceNotFound", "missing-parent": "400"},
}
KINDS = {
    "BlobContainer": "the container does not exist",
    "ExportPipeline": "the pipeline does not exist",
    "PipelineRun": "in the stack's state, but not in Azure",
    "ManagementPolicy": "management policy default is in the stack's state, but not in Azure",
    "AccessPolicy": "the pipeline's identity cannot read secrets of vault",
    "Secret": "the SAS secret does not exist",
    "Vault": "the key vault does not exist",
    "StorageAccount": "the storage account does not exist",
}
"""What doctor says, by the kind of resource that was deleted."""


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> tuple[Side, Side]:
    project = Project.made(tmp_path_factory.mktemp("drift"), checkout, sandbox_environment)
    source = project.source("drift-source", FEW)
    target = project.target("drift-target", source, sourceTriggerStatus="Disabled")
    for stack in (source, target):
        project.up(stack)
    return Side(project, paths, SOURCE, source), Side(project, paths, TARGET, target)


_MET = ("BlobContainer", "Vault", "StorageAccount")
"""The kinds whose refresh meets one of the other answers."""
CASES = [(kind, answers) for kind in KINDS for answers in ANSWERS if answers == "defaults" or kind in _MET]
MOST_STEPS = 3
"""The findings that a user may have to follow, one after another."""


@leads_out(
    "vault-permission",
    "container-missing",
    "account-missing",
    "vault-missing",
    "secret-missing",
    "resource-deleted",
)
@pytest.mark.parametrize(("kind", "answers"), CASES)
def test_doctor_names_what_was_deleted_and_its_commands_restore_it(
    pair: tuple[Side, Side], paths: Paths, kind: str, answers: str
) -> None:
    source, target = pair
    with ExitStack() as chosen:
        for question, answer in ANSWERS[answers].items():
            chosen.enter_context(choice(paths, "source", question, answer))
        source.delete(kind)
        found = source.faults()
        assert KINDS[kind] in found[0]["what"]
        for _ in range(MOST_STEPS):
            if found:
                source.restore(found[0], name=f"drift{kind[:9].lower()}{answers[0]}")
                found = source.faults()
        assert found == []
        source.changes()
    source.project.run("acr-transfer", "hop", "--source", source.stack, "--target", target.stack)
    target.project.up(target.stack)
    assert [run["status"] for run in target.project.outputs(target.stack)["runs"]] == ["Succeeded"]


@pytest.mark.parametrize(("kind", "key"), [("Secret", "sasSecretName"), ("Vault", "newVaultName")])
def test_after_a_refresh_the_message_about_the_name_has_the_way_out(
    pair: tuple[Side, Side], kind: str, key: str
) -> None:
    source, _ = pair
    source.delete(kind)
    said = source.project.up(source.stack, "--refresh", good=False)
    command = f"pulumi config set acr-transfer:{key} <name> -s {source.stack}"
    assert f"To use another name: {command}" in " ".join(said.split())
    source.follow([command, f"pulumi up -s {source.stack}"], name=f"after{kind.lower()}")
    assert source.faults() == []
    source.changes()


def test_a_container_that_azure_still_deletes_is_waited_for(pair: tuple[Side, Side], paths: Paths) -> None:
    source, _ = pair
    source.delete("BlobContainer")
    busy = {"method": "PUT", "path": "default/containers", "code": "ContainerBeingDeleted"}
    with fault(paths, "source", "arm", status=409, times=1, **busy) as refused:
        source.project.up(source.stack)
        assert refused() == 1
    assert source.faults() == []


def test_a_protected_vault_can_be_replaced_after_it_was_deleted(pair: tuple[Side, Side]) -> None:
    source, _ = pair
    source.follow(
        [f"pulumi config set acr-transfer:protect true -s {source.stack}", f"pulumi up -s {source.stack}"]
    )
    source.delete("Vault")
    first = source.faults()[0]
    source.follow(first["commands"], name="protected-vault")
    assert source.faults() == []
    source.changes()
