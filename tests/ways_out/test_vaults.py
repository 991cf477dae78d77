"""The ways out of faults of a vault and of the permission to read it."""

from __future__ import annotations

from tests.ways_out.pair import Pair, leads_out

_CLOSED = {"defaultAction": "Deny", "bypass": "None"}
_TRUSTED = {"defaultAction": "Deny", "bypass": "AzureServices"}


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
