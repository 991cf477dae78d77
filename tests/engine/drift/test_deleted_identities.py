"""A deleted grant, identity or resource group: doctor names what was deleted and restores it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.drift.deleted import Side
from tests.engine.projects import Project
from tests.walks.advice import commands

MOST_STEPS = 4
"""The times that a user may have to follow printed commands, one after another."""

SETUPS: dict[str, dict[str, Any]] = {
    "managed": {"storageAccess": "ManagedIdentity", "sasExpiry": "", "createIdentity": True},
    "roles": {"vaultAccess": "rbac"},
    "policy": {},
}
CASES = [
    ("managed", "RoleAssignment", "the pipeline's identity lacks"),
    ("managed", "UserAssignedIdentity", "user assigned identity"),
    ("managed", "ResourceGroup", "does not exist"),
    ("roles", "RoleAssignment", "the pipeline's identity cannot read secrets of vault"),
    ("policy", "ResourceGroup", "does not exist"),
]
"""The set-up, the kind of the deleted resource, and what doctor says."""


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> Callable[[str], tuple[Side, Side]]:
    """A pair of stacks for each set-up; its source has the set-up, its target imports on demand."""
    project = Project.made(tmp_path_factory.mktemp("identities"), checkout, sandbox_environment)
    pairs: dict[str, tuple[Side, Side]] = {}

    def pair(setup: str) -> tuple[Side, Side]:
        if setup not in pairs:
            source = project.source(f"gone-{setup}", ["shop/web:1.0.0"], **SETUPS[setup])
            target = project.target(f"gone-{setup}-target", source, sourceTriggerStatus="Disabled")
            project.up(source), project.up(target)
            sides = (Side(project, paths, SOURCE, source), Side(project, paths, TARGET, target))
            pairs[setup] = sides
        return pairs[setup]

    return pair


@pytest.mark.parametrize(("setup", "kind", "words"), CASES)
def test_doctor_names_what_was_deleted_and_its_commands_restore_it(
    deployed: Callable[[str], tuple[Side, Side]], setup: str, kind: str, words: str
) -> None:
    source, target = deployed(setup)
    source.delete(kind)
    found = source.faults()
    assert words in found[0]["what"], found
    advice = found[0]["commands"]
    for step in range(MOST_STEPS):
        # A command that fails prints the next ones.
        advice = commands(source.attempt(advice, name=f"{setup[:4]}{kind[:8].lower()}{step}"))
        if not advice and (found := source.faults()):
            advice = found[0]["commands"]
    assert found == []
    source.changes()
    source.project.run("acr-transfer", "hop", "--source", source.stack, "--target", target.stack)
    target.project.up(target.stack)
    assert [run["status"] for run in target.project.outputs(target.stack)["runs"]] == ["Succeeded"]
