"""What a change of the configuration touches: exactly that, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.projects import Project

FEW = ["shop/web:1.0.0", "shop/api:1.0.0"]
SOURCE, TARGET = "change", "change-target"


@dataclass
class Change:
    """One change of a deployed stack, and what it may do, as `<operation> <type>`."""

    name: str
    config: dict[str, Any]
    steps: dict[str, int]
    stack: str = SOURCE
    warning: str = ""


def soon() -> str:
    """A time before which a run may not have ended."""
    return f"{datetime.now(UTC) + timedelta(minutes=100):%Y-%m-%dT%H:%M:%SZ}"


CHANGES = [
    Change(
        "what only the program itself looks at",
        {"sasWarning": 50, "maxConcurrentRuns": 20, "protect": True, "artifacts": FEW[::-1]},
        {},
    ),
    Change(
        "a new expiry, too soon",
        {"sasExpiry": soon()},
        {"update Secret": 1},
        warning="and a run may take 2 hours: one that begins now may be cut off. Set a later time",
    ),
    Change("the other key", {"sasKey": "key2"}, {"update Secret": 1}),
    Change(
        "another option", {"options": ["OverwriteBlobs", "ContinueOnErrors"]}, {"update ExportPipeline": 1}
    ),
    Change("run again", {"forceUpdateTag": "2"}, {"update PipelineRun": 1}),
    Change("clean up sooner", {"blobRetentionDays": 10}, {"update ManagementPolicy": 1}),
    Change(
        "another artifact",
        {"artifacts": [*FEW, "shop/cart:1.0.0"]},
        {"create PipelineRun": 1, "delete PipelineRun": 1},
    ),
    Change("another prefix of blobs", {"blobPrefix": "nightly/"}, {"update PipelineRun": 1}),
    Change(
        "another secret",
        {"sasSecretName": "another"},
        {"replace Secret": 1, "update ExportPipeline": 1},
    ),
    Change(
        "another container",
        {"container": "other"},
        {
            "replace BlobContainer": 1,
            "update ManagementPolicy": 1,
            "update Secret": 1,
            "update ExportPipeline": 1,
            "update PipelineRun": 1,
        },
    ),
    Change(
        "a vault that lets in by role",
        {"vaultAccess": "rbac"},
        {
            "update Vault": 1,
            "create RoleAssignment": 1,
            "delete AccessPolicy": 1,
            # For all that a preview knows: the vault's address is unknown in it, and stays what it was.
            "update ExportPipeline": 1,
            "update PipelineRun": 1,
        },
    ),
    Change(
        "a new identity",
        {"identity": "create"},
        {
            "create UserAssignedIdentity": 1,
            "update ExportPipeline": 1,
            "replace AccessPolicy": 1,
            "update PipelineRun": 1,
        },
    ),
    Change(
        "no token",
        {"storageAccess": "ManagedIdentity", "sasExpiry": ""},
        {
            "create azure-native_containerregistry_v20250601preview": 1,
            "create RoleAssignment": 1,
            "update StorageAccount": 1,
            "replace ExportPipeline": 1,
            "update PipelineRun": 1,
            "delete Secret": 1,
            "delete SasSecret": 1,
            "delete AccessPolicy": 1,
            "delete Vault": 2,
            "delete RandomString": 1,
        },
    ),
    Change(
        "imports by the stack itself",
        {"sourceTriggerStatus": "Disabled"},
        {"update ImportPipeline": 1, "create PipelineRun": 1},
        TARGET,
    ),
    Change(
        "imports that leave their blobs",
        {"options": ["OverwriteTags"]},
        {"update ImportPipeline": 1, "update Secret": 1},
        TARGET,
    ),
    Change(
        "the same hand-over from a file",
        {"source": "", "handover": "handover.json"},
        {"discard StackReference": 1},
        TARGET,
    ),
]


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    made = Project.made(tmp_path_factory.mktemp("changes"), checkout, sandbox_environment)
    made.up(made.source(SOURCE, FEW))
    handover = made.run("pulumi", "stack", "output", "handover", "--stack", SOURCE)
    (made.folder / "handover.json").write_text(handover)
    made.up(made.target(TARGET, SOURCE, pipeline="changeTarget"))
    return made


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_touches_what_it_is_about_and_nothing_else(project: Project, change: Change) -> None:
    path = project.folder / f"Pulumi.{change.stack}.yaml"
    before = path.read_text()
    whole = project.config(change.stack)
    whole["config"] |= {f"acr-transfer:{key}": value for key, value in change.config.items()}
    path.write_text(json.dumps(whole))
    try:
        said = project.run("pulumi", "preview", "-s", change.stack, "--json")
    finally:
        path.write_text(before)
    found = Counter(
        f"{step['op']} {step['urn'].split('::')[-2].split('$')[-1].split(':')[-1]}"
        for step in json.loads(said[said.index("{") :])["steps"]
        if step["op"] not in ("same", "create-replacement", "delete-replaced", "read", "refresh")
    )
    assert found == Counter(change.steps)
    assert change.warning in said
