"""The ways out of faults of a vault and of the permission to read it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ways_out.pair import LATER, Pair, leads_out
from tests.ways_out.test_pipelines import alter
from tests.ways_out.test_tokens import SECRET


def disable(pair: Pair) -> None:
    """Disable the secret, and let the next `pulumi up` run the stack's runs again."""
    pair.azure("source").change(f"{pair.vault('source')}/secrets/{SECRET}", attributes={"enabled": False})
    pair.demand_run("source")


@leads_out("vault-firewall", "vault-trusts-services")
def test_a_closed_vault_of_the_stack_is_opened(pair: Pair) -> None:
    pair.set("source", "acr-transfer:vaultAddresses[0]", "203.0.113.7", "--path")
    pair.demand_run("source")
    failed = pair.up("source", good=False)
    pair.check(failed, "vault-firewall")
    pair.check(pair.doctor("source", code=0), "vault-trusts-services")
    pair.follow(pair.status(), "vault-firewall", side="source")
    pair.status(code=0)
    pair.works("source")
    assert "warning" not in pair.doctor("source", code=0)


@leads_out("secret-disabled")
def test_a_disabled_secret_is_replaced_without_a_permission_in_the_vault(pair: Pair) -> None:
    disable(pair)
    pair.follow(pair.doctor("source"), "secret-disabled", side="source", later=LATER)
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out()
def test_a_disabled_secret_is_enabled_with_a_permission_in_the_vault(pair: Pair) -> None:
    disable(pair)
    said = pair.doctor("source")
    with pytest.raises(AssertionError, match="does not have secrets"):
        pair.follow(said, "secret-disabled", side="source", way=1)
    pair.azure("source").allow_secrets(pair.vault("source"), "set")
    pair.follow(said, "secret-disabled", side="source", way=1)
    pair.doctor("source", code=0)
    pair.works("source")


def name_version(body: dict[str, Any]) -> None:
    """Let a pipeline name a version of its secret, as by hand."""
    body["properties"]["target"]["keyVaultUri"] += f"/{'0' * 32}"


@leads_out("secret-version")
def test_a_secret_uri_with_a_version_is_restored(pair: Pair) -> None:
    alter(pair, name_version)
    pair.demand_run("source")
    pair.follow(pair.doctor("source", code=0), "secret-version", side="source")
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")
