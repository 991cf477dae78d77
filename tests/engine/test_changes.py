"""What a change of the configuration touches: exactly that, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.projects import Project

FEW = ["shop/web:1.0.0", "shop/api:1.0.0"]


@dataclass
class Change:
    """One change of a deployed source stack, and what it may do, as `<operation> <type>`."""

    name: str
    config: dict[str, Any]
    steps: dict[str, int]


CHANGES = [
    Change("none", {}, {}),
    Change("a new expiry", {"sasExpiry": "2097-01-01T00:00:00Z"}, {"update Secret": 1}),
    Change("the other key", {"sasKey": "key2"}, {"update Secret": 1}),
    Change("another share to warn at", {"sasWarning": 50}, {}),
    Change("more runs at once", {"maxConcurrentRuns": 20}, {}),
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
    Change("the same artifacts in another order", {"artifacts": FEW[::-1]}, {}),
    Change("another prefix of blobs", {"blobPrefix": "nightly/"}, {"update PipelineRun": 1}),
    Change(
        "another secret",
        {"sasSecretName": "another"},
        {"replace Secret": 1, "update ExportPipeline": 1},
    ),
    Change("protected", {"protect": True}, {}),
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
]


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    made = Project.made(tmp_path_factory.mktemp("changes"), checkout, sandbox_environment)
    made.up(made.source("change", FEW))
    return made


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_touches_what_it_is_about_and_nothing_else(project: Project, change: Change) -> None:
    path = project.folder / "Pulumi.change.yaml"
    before = path.read_text()
    whole = project.config("change")
    whole["config"] |= {f"acr-transfer:{key}": value for key, value in change.config.items()}
    path.write_text(json.dumps(whole))
    try:
        said = project.run("pulumi", "preview", "-s", "change", "--json")
    finally:
        path.write_text(before)
    found = Counter(
        f"{step['op']} {step['urn'].split('::')[-2].split('$')[-1].split(':')[-1]}"
        for step in json.loads(said[said.index("{") :])["steps"]
        if step["op"] not in ("same", "create-replacement", "delete-replaced", "read", "refresh")
    )
    assert found == Counter(change.steps)
