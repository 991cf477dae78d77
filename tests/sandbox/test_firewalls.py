"""Firewalls, keys and access policies as Azure documents them."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from sandbox.cloud.paths import Paths
from tests.sandbox.transfer.side import Json, SandboxSide

HERE, ELSEWHERE = [{"value": "127.0.0.0/8"}], [{"value": "203.0.113.0/24"}]


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    return SandboxSide(paths, "source", "walls").build()


def _list_blobs(side: SandboxSide) -> bool:
    try:
        list(side.service().get_container_client("walls").list_blobs())
    except HttpResponseError as error:
        return error.status_code != 403
    return True


def _read_secret(side: SandboxSide) -> bool:
    bearer = {"Authorization": f"Bearer {side.cloud.operator_token(side.definition.vault_audience)}"}
    url = f"{side.cloud.vault_url(side.vault)}/secrets/any?api-version=7.4"
    answer = requests.get(url, headers=bearer, verify=str(side.paths.authority), timeout=30)
    assert answer.ok or "not a trusted service" in answer.text, answer.text
    return answer.ok


def _read_registry(side: SandboxSide) -> bool:
    url = f"https://{side.cloud.login_server(side.registry_name)}/v2/"
    answer = requests.get(url, verify=str(side.paths.authority), timeout=30)
    return answer.status_code != 403


@pytest.mark.parametrize(("rules", "admitted"), [([], False), (ELSEWHERE, False), (HERE, True)])
def test_ip_rules_admit_people_by_their_address(side: SandboxSide, rules: list[Json], admitted: bool) -> None:
    closed = {"defaultAction": "Deny", "ipRules": rules}
    side.container("walls")
    side.put_account(networkAcls=closed)
    side.put_vault()
    side.secret("any", "text")
    side.put_vault(networkAcls=closed)
    side.grant(side.definition.operator)
    registry: dict[str, Any] = {"location": side.definition.location, "sku": {"name": "Premium"}}
    side.arm("PUT", side.registry_path(), {**registry, "properties": {"networkRuleSet": closed}})
    try:
        assert [_list_blobs(side), _read_secret(side), _read_registry(side)] == [admitted] * 3
    finally:
        side.arm("PUT", side.registry_path(), registry)
        side.put_account()


def test_a_regenerated_key_has_a_new_creation_time(side: SandboxSide) -> None:
    account = side.provider("Storage", "storageAccounts", side.account)

    def times() -> dict[str, str]:
        return {
            key["keyName"]: key["creationTime"] for key in side.arm("POST", f"{account}/listKeys")["keys"]
        }

    before = times()
    side.arm("POST", f"{account}/regenerateKey", {"keyName": "key2"})
    after = times()
    assert (after["key1"], after["key2"] > before["key2"]) == (before["key1"], True)
    assert side.arm("GET", account)["properties"]["keyCreationTime"] == after
    side.put_account(accessTier="Cool")
    assert times() == after


def test_access_policies_are_merged_replaced_and_removed(side: SandboxSide) -> None:
    side.put_vault()
    principal = "11111111-aaaa-4000-8000-000000000000"

    def change(verb: str, **permissions: list[str]) -> Json | None:
        side.grant(principal.upper() if verb == "remove" else principal, verb, permissions)
        vault = side.arm("GET", side.provider("KeyVault", "vaults", side.vault))
        found: list[Json] = vault["properties"]["accessPolicies"]
        return next((each["permissions"] for each in found if each["objectId"] == principal), None)

    assert change("add", secrets=["list"]) == {"secrets": ["list"]}
    assert change("add", secrets=["Get", "LIST"], keys=["get"]) == {
        "secrets": ["list", "Get"],
        "keys": ["get"],
    }
    assert change("replace", secrets=["get"]) == {"secrets": ["get"]}
    assert change("remove", secrets=["get"]) is None
