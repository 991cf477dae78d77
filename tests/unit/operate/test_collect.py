"""Doctor reads with the caller's rights, and distinguishes what it cannot read from its own errors."""

from __future__ import annotations

from typing import Any

import pytest

from acr_transfer.azure.clouds import Cloud
from acr_transfer.errors import AccessError
from acr_transfer.operate.collect import _vault_audience, allows, noting
from acr_transfer.operate.facts import Facts

RUNS = "Microsoft.ContainerRegistry/registries/pipelineRuns/write"


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        ([], False),
        ([{"actions": ["*"]}], True),
        ([{"actions": ["*/read"]}], False),
        ([{"actions": ["microsoft.containerregistry/REGISTRIES/*"], "notActions": []}], True),
        ([{"actions": ["*"], "notActions": ["Microsoft.ContainerRegistry/*/write"]}], False),
        ([{"actions": ["*"], "notActions": ["*/write"]}, {"actions": [RUNS]}], True),
    ],
    ids=["nothing", "owner", "reader", "a registry's", "taken away", "taken away by another"],
)
def test_permissions_are_evaluated_as_azure_does(granted: list[dict[str, Any]], allowed: bool) -> None:
    assert allows(granted, RUNS) is allowed


READ = "Microsoft.KeyVault/vaults/secrets/getSecret/action"


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        ({"actions": ["*"]}, False),
        ({"dataActions": ["*"]}, True),
        ({"dataActions": ["*"], "notDataActions": ["*/getSecret/*"]}, False),
        ({"dataActions": ["*"], "notActions": ["*"]}, True),
        ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/*/getSecret/action"]}, True),
    ],
    ids=["an owner's", "all", "all but one", "no other action", "a pattern for nothing"],
)
def test_data_actions_have_their_own_lists(granted: dict[str, Any], allowed: bool) -> None:
    assert allows([granted], READ, is_data=True) is allowed


@pytest.mark.parametrize(
    ("error", "unseen", "errors"),
    [
        (AccessError("refused"), {"the vault": "refused"}, {}),
        (TimeoutError("secret"), {"the vault": "TimeoutError"}, {}),
        (KeyError("secret"), {}, {"the vault": "KeyError"}),
    ],
    ids=["a refused request", "a network failure", "an error of doctor"],
)
def test_a_failed_request_is_distinguished_from_an_error_of_doctor(
    error: Exception, unseen: dict[str, str], errors: dict[str, str]
) -> None:
    found = Facts(side="source", stack="source")
    with noting(found, "the vault"):
        raise error
    assert (found.unseen, found.errors) == (unseen, errors)


OWN_CLOUD = Cloud(
    name="c", resource_manager="https://a", scope="s", authority="https://b", vault_audience="https://own"
)


@pytest.mark.parametrize(
    ("challenge", "audience"),
    [
        ('Bearer authorization="x", resource="https://vault.example"', "https://vault.example"),
        ('Bearer authorization="x", scope="https://vault.example/.default"', "https://vault.example"),
        ('Bearer resource="https://own"', "https://own"),
    ],
)
def test_a_vault_names_its_own_audience(challenge: str, audience: str) -> None:
    assert _vault_audience(challenge, "one.vault.example", OWN_CLOUD) == audience


@pytest.mark.parametrize(
    "audience",
    [
        "https://management.example",
        "https://evil-vault.example",
        "http://vault.example",
        "https://one.vault.example.evil.example",
        "https://[::1",
        "",
    ],
)
def test_a_vault_gets_no_token_of_another_service(audience: str) -> None:
    with pytest.raises(AccessError):
        _vault_audience(f'Bearer resource="{audience}"', "one.vault.example", OWN_CLOUD)
