"""A registry's own properties: network access, accepted tokens; and its deletion."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from tests.sandbox.here import sandbox_status
from tests.sandbox.registry.endpoint import MANIFEST, RegistryEndpoint, image, managed


@pytest.fixture
def put_registry(cloud: Cloud, request: pytest.FixtureRequest) -> Any:
    """A function that creates or changes a registry of this test."""
    name = f"own{abs(hash(request.node.name)) % 10**8}"

    def put(**properties: Any) -> RegistryEndpoint:
        body = {"location": SOURCE.location, "sku": {"name": "Premium"}, "properties": properties}
        assert managed(cloud, "PUT", name, json=body).status_code in (200, 201)
        return RegistryEndpoint(cloud, name)

    yield put
    managed(cloud, "DELETE", name)


CLOSED: dict[str, dict[str, Any]] = {
    "public access disabled": {"publicNetworkAccess": "Disabled"},
    "default action Deny": {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}},
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_registry_without_public_network_access_refuses_every_request(put_registry: Any, case: str) -> None:
    registry = put_registry()
    token = registry.token("repository:any:pull")
    registry.push("any", "1", image())
    put_registry(**CLOSED[case])
    for method, path in (
        ("GET", "/v2/any/manifests/1"),
        ("POST", "/oauth2/exchange"),
        ("GET", "/acr/v1/_catalog"),
    ):
        answer = registry.request(method, path, token)
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "DENIED"
        assert "https://aka.ms/acr/firewall" in answer.text
    put_registry()
    assert (
        registry.request("GET", "/v2/any/manifests/1", token, headers={"Accept": MANIFEST}).status_code == 200
    )


def test_a_policy_decides_whether_tokens_for_the_management_endpoint_are_accepted(
    put_registry: Any, cloud: Cloud
) -> None:
    for status, expected in (("enabled", {200}), ("disabled", {401})):
        registry = put_registry(policies={"azureADAuthenticationAsArmPolicy": {"status": status}})
        form = {"grant_type": "access_token", "service": registry.server}
        statuses = {}
        for audience in (cloud.audience, "https://containerregistry.azure.net"):
            entra = cloud.operator_token(audience)
            statuses[audience] = registry.request(
                "POST", "/oauth2/exchange", data={**form, "access_token": entra}
            ).status_code
        assert {statuses.pop(cloud.audience)} == expected
        assert set(statuses.values()) == {200}


def test_a_registry_recreated_under_the_same_name_is_empty(put_registry: Any, cloud: Cloud) -> None:
    registry = put_registry()
    registry.push("old/image", "1", image())
    assert managed(cloud, "DELETE", registry.name).status_code == 202
    with pytest.raises(requests.ConnectionError):
        registry.request("GET", "/v2/")
    assert sandbox_status()["source"]["silent"] == []
    registry = put_registry()
    token = registry.token("registry:catalog:*")
    assert registry.request("GET", "/acr/v1/_catalog", token).json() == {"repositories": []}
