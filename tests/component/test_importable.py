"""The blobs that a target without a trigger imports: those in its container, and those imported before."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from acr_transfer.model.documents.handover import ExportedBlob
from components.target_side import import_run_name
from stack import importable as module
from stack.importable import importable
from tests.component.mock_azure import Deploy

BLOBS = tuple(
    ExportedBlob(name=name, artifacts=("a:1",)) for name in ("here", "imported", "recorded", "gone")
)
REGISTRY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
OUTPUTS = {
    "containerUrl": "https://account.blob.example/transfer",
    "importPipelineId": f"{REGISTRY}/importPipelines/importPipeline",
    "runs": [
        {"name": import_run_name("importPipeline", "imported"), "status": "Succeeded"},
        {"name": import_run_name("importPipeline", "gone"), "status": "Failed"},
    ],
}
ARGS = {"resource_group": "g"}
WRITTEN = "2026-03-05T00:00:00Z"
RECORDS = {import_run_name("importPipeline", "recorded"): {"status": "Succeeded"}}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


@pytest.mark.parametrize(
    ("args", "outputs", "stored", "expected"),
    [
        (ARGS, OUTPUTS, dict.fromkeys(("here", "other"), WRITTEN), ["here", "imported", "recorded"]),
        (ARGS, OUTPUTS, None, ["here", "imported", "recorded", "gone"]),
        (ARGS, {}, {"here": WRITTEN}, []),
        ({**ARGS, "pipeline": "renamed"}, OUTPUTS, {"here": WRITTEN}, ["here"]),
        ({**ARGS, "container": "renamed"}, OUTPUTS, None, ["imported", "recorded"]),
        ({**ARGS, "container": "renamed"}, OUTPUTS, {"here": WRITTEN}, ["here", "imported", "recorded"]),
        ({**ARGS, "new_storage_account_name": "two"}, OUTPUTS, {"here": WRITTEN}, ["imported", "recorded"]),
        (
            {**ARGS, "storage_access": "ManagedIdentity"},
            OUTPUTS,
            {"here": WRITTEN},
            ["here", "imported", "recorded", "gone"],
        ),
    ],
    ids=[
        "listed",
        "unknown",
        "first",
        "another pipeline",
        "renamed",
        "renamed to one that exists",
        "new account",
        "no keys",
    ],
)
def test_a_blob_is_imported_if_it_is_in_the_container_or_was_imported(
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
    warnings: list[str],
    args: dict[str, Any],
    outputs: dict[str, Any],
    stored: dict[str, str] | None,
    expected: list[str],
) -> None:
    async def listed(*place: str) -> dict[str, str] | None:
        assert place == ("https://account.blob.example", "g", "account", args.get("container", "transfer"))
        return stored

    monkeypatch.setattr(module, "stored_blobs", listed)

    async def found() -> list[Any]:
        imports = await importable(BLOBS, args, outputs)
        return [[blob.name for blob in imports.blobs], imports.changes.get("here", "")]

    names, changed = deploy(found, earlier=RECORDS).value
    assert names == expected
    is_listed = stored and "here" in names and "storage_access" not in args
    assert changed == (WRITTEN if is_listed else "")
    lacking = [blob.name for blob in BLOBS if blob.name not in expected]
    assert len(warnings) == bool(lacking)
    assert all(name in warnings[0] for name in lacking)
