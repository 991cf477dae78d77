"""The scope in which the command looks for a stack's account or vault."""

from __future__ import annotations

import pytest

from acr_transfer.azure.connect import scope_of
from acr_transfer.azure.stacks import Stack

SUBSCRIPTION = {"azure-native:subscriptionId": "s"}
GROUP = {"acr-transfer:resourceGroup": "own"}
ELSEWHERE = "/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/account"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "/subscriptions/s"),
        (GROUP, "/subscriptions/s/resourceGroups/own"),
        ({**GROUP, "acr-transfer:storageAccount": "account"}, "/subscriptions/s/resourceGroups/own"),
        ({**GROUP, "acr-transfer:storageAccount": ELSEWHERE}, "/subscriptions/s/resourceGroups/other"),
    ],
    ids=["unknown", "new", "by name", "by ID"],
)
def test_an_account_is_sought_in_its_resource_group(config: dict[str, str], expected: str) -> None:
    stack = Stack(name="a", outputs={}, config={**SUBSCRIPTION, **config})
    assert scope_of(stack, "acr-transfer:storageAccount") == expected
