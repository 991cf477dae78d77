"""A change of the configuration changes only the resources that it is about."""

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
    """One change of a deployed stack and its steps, as `<operation> <type>`."""

    name: str
    config: dict[str, Any]
    steps: dict[str, int]
    stack: str = SOURCE
    warning: str = ""


def soon() -> str:
    """A time at which a run may still be in progress."""
    return f"{datetime.now(UTC) + timedelta(minutes=100):%Y-%m-%dT%H:%M:%SZ}"


CHANGES = [
    Change(
        "keys that only the program uses",
        {"sasWarning": 50, "maxConcurrentRuns": 20, "protect": True, "artifacts": FEW[::-1]},
        {},
    ),
    Change(
        "a new expiry, too soon",
        {"sasExpiry": soon()},
        {"update Secret": 1},
        warning="and a run may take 2 hours: a run that starts now may be cut off.",
    ),
    Change("the other key", {"sasKey": "key2"}, {"update Secret": 1}),
    Change(
        "another option", {"options": ["OverwriteBlobs", "ContinueOnErrors"]}, {"update ExportPipeline": 1}
    ),
    Change("every run again", {"forceUpdateTag": "2"}, {"update PipelineRun": 1}),
    Change("another retention", {"blobRetentionDays": 10}, {"update ManagementPolicy": 1}),
    Change(
        "another artifact",
        {"artifacts": [*FEW, "shop/cart:1.0.0"]},
        {"create PipelineRun": 1, "delete PipelineRun": 1},
    ),
    Change("another blob prefix", {"blobPrefix": "nightly/"}, {"update PipelineRun": 1}),
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
            "update Stash": 1,  # the runs are older than the container
        },
    ),
    Change(
        "another name of the pipeline",
        {"pipeline": "changed"},
        {
            "replace ExportPipeline": 1,
            "replace AccessPolicy": 1,
            "create PipelineRun": 1,
            "delete PipelineRun": 1,
        },
    ),
    Change(
        "a vault with RBAC",
        {"vaultAccess": "rbac"},
        {
            "update Vault": 1,
            "create RoleAssignment": 1,
            "delete AccessPolicy": 1,
            # In a preview the vault's URI is unknown; the deployment finds it unchanged.
            "update ExportPipeline": 1,
        },
    ),
    Change(
        "a new identity",
        {"createIdentity": True},
        {
            "create UserAssignedIdentity": 1,
            "update ExportPipeline": 1,
            "replace AccessPolicy": 1,
        },
    ),
    Change(
        "no token",
        {"storageAccess": "ManagedIdentity", "sasExpiry": ""},
        {
            "create azure-native_containerregistry_v20250601preview": 1,
            "create RoleAssignment": 1,
            "update StorageAccount": 1,
            "update ExportPipeline": 1,
            "update Stash": 1,
            "update PipelineRun": 1,
            "delete Secret": 1,
            "delete SasSecret": 1,
            "delete AccessPolicy": 1,
            "delete Vault": 2,
            "delete RandomString": 1,
        },
    ),
    Change(
        "imports by the stack",
        {"sourceTriggerStatus": "Disabled"},
        {"update ImportPipeline": 1},  # the blob was not copied
        TARGET,
        warning="which the container does not have",
    ),
    Change(
        "imports that keep their blobs",
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
def test_a_change_has_only_the_steps_that_it_is_about(project: Project, change: Change) -> None:
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
