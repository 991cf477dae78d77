"""Stacks of this program pass the strictest profile in every set-up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.model.documents.handover import Handover
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.policy_engine.reviews import POLICY, Reviewed, review, strict

SOON = {"sasExpiry": f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"}
PROTECTED = {"protect": True}
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}
ARTIFACTS = ["shop/web:1.0.0", f"shop/api@sha256:{'a' * 64}"]
BLOB = {"name": "exported", "artifacts": ARTIFACTS}

SOURCES: dict[str, dict[str, Any]] = {
    "c-policy": SOON | PROTECTED,
    "c-rbac": SOON | PROTECTED | {"vaultAccess": "rbac", "createIdentity": True, "sasKey": "key2"},
    "c-managed": MANAGED | PROTECTED | {"blobPrefix": "nightly/", "blobRetentionDays": 7},
}
TARGETS: dict[str, dict[str, Any]] = {
    "c-trigger": SOON | PROTECTED,
    "c-no-trigger": SOON | PROTECTED | {"sourceTriggerStatus": "Disabled"},
    "c-registry": SOON | PROTECTED | {"registry": "contosoclean", "createRegistry": True},
    "c-reader": MANAGED | PROTECTED | {"createIdentity": True, "options": ["OverwriteTags"]},
}


@pytest.fixture(scope="module")
def reviewed(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> Reviewed:
    """One strict review of all stacks before their deployment."""
    project = Project.made(tmp_path_factory.mktemp("clean"), checkout, sandbox_environment)
    there = Existing.of(paths, SOURCE, "clean-there")
    vault = there.vault("clean-there", rbac=True)
    own = {"storageAccount": there.account("cleanthere"), "vault": vault, "vaultAccess": "rbac"}
    group = {"resourceGroup": "clean-there", "createResourceGroup": False}
    sources = SOURCES | {"c-there": SOON | own | group | {"identity": there.identity("cleaner")}}
    handover = Handover.of("images.example", "https://storage.example/a/transfer", [BLOB])
    handover.write(project.folder / "handover.json")
    stacks = [project.source(name, ARTIFACTS, **config) for name, config in sources.items()]
    stacks += [
        project.target(name, "", handover="handover.json", **config) for name, config in TARGETS.items()
    ]
    waivers = ("--waivers", str(POLICY / "waivers.json"))
    return review(project.folder, project.environment, *waivers, *stacks, profile=str(strict(project.folder)))


def test_the_only_violations_are_waived_with_a_reason(reviewed: Reviewed) -> None:
    assert (reviewed.code, reviewed.rules("mandatory"), reviewed.rules("advisory")) == (0, set(), set()), (
        reviewed.text
    )
    assert len(reviewed.report["stacks"]) == len(SOURCES) + len(TARGETS) + 1
    assert all(stack["resources"] > 5 for stack in reviewed.report["stacks"])


def test_every_waiver_of_the_repository_is_needed(reviewed: Reviewed) -> None:
    assert reviewed.rules("waived") == set(json.loads((POLICY / "waivers.json").read_text()))


def test_strict_enables_every_rule_of_baseline() -> None:
    baseline, strict = (
        json.loads((POLICY / f"profiles/{name}.json").read_text()) for name in ("baseline", "strict")
    )
    assert set(baseline.values()) == {"disabled"}
    assert "disabled" not in strict.values()
