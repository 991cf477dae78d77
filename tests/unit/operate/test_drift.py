"""The comparison of a stack's state with Azure, on an Azure that answers from a table."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from acr_transfer.azure import stack_state
from acr_transfer.azure.arm import ArmClient
from acr_transfer.azure.stack_state import StateResource, read_state
from acr_transfer.errors import AccessError
from acr_transfer.operate.drift import deleted_resources, deleted_runs

GROUP = "/subscriptions/s/resourceGroups/g"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"
RUNS = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/r/pipelineRuns"


class Answers:
    """Azure: the resources that exist, and those that the caller may not read."""

    def __init__(self, existing: set[str], refused: set[str]) -> None:
        self.existing, self.refused = existing, refused
        self.asked: list[str] = []

    async def get(self, id: str, *versions: str) -> dict[str, Any] | None:
        self.asked.append(id)
        if id in self.refused:
            raise AccessError("refused")
        return {"id": id} if id in self.existing else None


def test_deleted_resources_are_found_with_the_fewest_requests() -> None:
    ids = [f"{ACCOUNT}/blobServices/default", ACCOUNT, GROUP, f"{VAULT}/secrets/x", VAULT, f"{RUNS}/one"]
    kinds = ["BlobServiceProperties", "StorageAccount", "ResourceGroup", "Secret", "Vault", "PipelineRun"]
    state = [StateResource(kind, id, "v") for kind, id in zip(kinds, ids, strict=True)]
    azure = Answers({GROUP}, {f"{VAULT}/secrets/x"})
    deleted, unread = asyncio.run(deleted_resources(state, {VAULT.lower()}, cast(ArmClient, azure)))
    assert [each.kind for each in deleted] == ["StorageAccount"]
    assert unread == {"x": "refused"}
    assert azure.asked == [GROUP, ACCOUNT, f"{VAULT}/secrets/x"]


def test_a_deleted_run_is_not_in_the_list_of_runs() -> None:
    one, two = (StateResource("PipelineRun", f"{RUNS}/{name}", "v") for name in ("One", "two"))
    assert deleted_runs([one, two, StateResource("Vault", VAULT, "v")], {f"{RUNS}/One".lower()}) == [two]


def test_a_state_has_the_resources_that_azure_resource_manager_can_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = {"outputs": {"azureApiVersion": "2024-01-01"}}
    resources = [
        {"type": "azure-native:storage:StorageAccount", "id": ACCOUNT, **version},
        {"type": "acr-transfer:index:Storage"},
        {"type": "random:index/randomString:RandomString", "id": "abc", "outputs": {}},
        {"type": "azure-native:keyvault:AccessPolicy", "id": f"{VAULT}/accessPolicy/p", "outputs": {}},
        {"type": "azure-native:keyvault:Vault", "id": VAULT, "external": True, **version},
        {"type": "azure-native:keyvault:Vault", "id": VAULT, "delete": True, **version},
    ]
    exported = json.loads(json.dumps({"deployment": {"resources": resources}}))
    monkeypatch.setattr(stack_state, "pulumi_json", lambda *_: exported)
    assert read_state("s", Path()) == (
        StateResource("StorageAccount", ACCOUNT, "2024-01-01"),
        StateResource("Vault", VAULT, "2024-01-01", replaced=True),
    )
    monkeypatch.setattr(stack_state, "pulumi_json", lambda *_: {"deployment": None})
    assert read_state("s", Path()) == ()
