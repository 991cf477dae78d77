"""The message of a failed run: its commands have every name that the program knows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

import pytest

from acr_transfer.model.failures.failure import Failure
from acr_transfer.model.failures.transfers import RUN_FAILURES, UNKNOWN
from acr_transfer.model.options import Direction
from components import PipelineRuns, PipelineRunsArgs, advice
from components.pipelines import run_failures
from components.pipelines.run_failures import FailedRunError
from tests.component.mock_azure import Deploy

_GROUP = "/subscriptions/s/resourceGroups/{}/providers"
_REGISTRY = f"{_GROUP.format('registries')}/Microsoft.ContainerRegistry/registries/contoso"
_ACCOUNT = f"{_GROUP.format('storage')}/Microsoft.Storage/storageAccounts/box"
_CHOICES = {"later", "new", "name", "seconds", "item", "artifact", "rules", "folder"}
"""The blanks that only a user can fill."""

_UNKNOWN_STACK = {Direction.EXPORT: {"target"}, Direction.IMPORT: set[str]()}
"""A source's stack does not know the target's."""


def _message(deploy: Deploy, direction: Direction) -> str:
    kind = "export" if direction is Direction.EXPORT else "import"
    args = {
        "registry": "contoso",
        "registry_resource_group": "registries",
        "pipeline_id": f"{_REGISTRY}/{kind}Pipelines/p",
        "container_id": f"{_ACCOUNT}/blobServices/default/containers/transfer",
        "vault": "safe",
        "direction": direction,
        "transfers": [{"run_name": "run1", "blob": "a.tar", "artifacts": ["shop/web:1"]}],
    }
    failed = {"status": "Failed", "pipelineRunErrorMessage": "no"}
    with pytest.raises(FailedRunError) as raised:
        deploy(lambda: PipelineRuns("runs", cast(PipelineRunsArgs, args)), response=lambda _: failed)
    return str(raised.value)


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("failure", [*RUN_FAILURES, UNKNOWN], ids=lambda each: each.name)
def test_only_a_users_own_choice_is_left_blank(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, failure: Failure, direction: Direction
) -> None:
    monkeypatch.setattr(run_failures, "failure_of_run", lambda _: failure)
    known = {"source": "factory", "lock": "images.lock.json", "items": "1", "other": "key2"}
    monkeypatch.setattr(advice, "_wording", replace(advice.KEYS, known=known))
    blanks = set(re.findall("<([^<>]+)>", _message(deploy, direction)))
    assert blanks <= _CHOICES | _UNKNOWN_STACK[direction]


def test_the_commands_name_the_account_of_the_container_and_the_registry(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {each.name: each for each in RUN_FAILURES}
    expected = {
        "storage-firewall": "az storage account update --name box --public-network-access Enabled",
        "container-missing": "--resource-group storage --storage-account box --name transfer",
        "vault-firewall": "az keyvault update --name safe",
        "too-many-artifacts": f"az resource delete --ids {_REGISTRY}/pipelineRuns/run1",
    }
    for name, command in expected.items():
        monkeypatch.setattr(run_failures, "failure_of_run", lambda _, name=name: found[name])
        assert command in _message(deploy, Direction.EXPORT)
