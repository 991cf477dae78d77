"""Locks, the firewall and the end of a registry."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import HttpResponseError

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from tests.sandbox.here import looked_up
from tests.sandbox.registry.endpoint import MANIFEST, RegistryEndpoint, descriptor, image, managed

LOCKS = {
    "write off": ({"can_write": False}, {"pull": 200, "push": 405, "untag": 405, "delete": 405}),
    "delete off": ({"can_delete": False}, {"pull": 200, "push": 201, "untag": 405, "delete": 405}),
    "read off": ({"can_read": False}, {"pull": 405, "push": 201, "untag": 202, "delete": 202}),
    "nothing off": ({"can_read": True}, {"pull": 200, "push": 201, "untag": 202, "delete": 202}),
}


@pytest.mark.parametrize("level", ["repository", "tag"])
@pytest.mark.parametrize("case", LOCKS)
def test_a_lock_stops_what_it_names_and_nothing_else(
    door: RegistryEndpoint, client: ContainerRegistryClient, case: str, level: str
) -> None:
    changes, expected = LOCKS[case]
    name = f"locked/{level}-{case.replace(' ', '-')}"
    manifest = image(annotations={"locked": name})
    door.push(name, "1", manifest)
    if level == "repository":
        client.update_repository_properties(name, **changes)
    else:
        client.update_tag_properties(name, "1", **changes)
    token = door.token(f"repository:{name}:pull,push,delete")
    path = f"/v2/{name}/manifests"
    said = {
        "pull": door.ask("GET", f"{path}/1", token).status_code,
        "push": door.push(name, "1", manifest).status_code,
        "untag": door.ask("DELETE", f"/acr/v1/{name}/_tags/1", token).status_code,
    }
    if said["untag"] == 202:
        door.push(name, "1", manifest)
    if level == "tag" and said["untag"] == 202:
        client.update_tag_properties(name, "1", **changes)  # a new tag is not locked
    said["delete"] = door.ask("DELETE", f"{path}/{descriptor(manifest)['digest']}", token).status_code
    assert said == expected


def test_a_locked_manifest_is_kept_whatever_its_tags_are(
    door: RegistryEndpoint, client: ContainerRegistryClient
) -> None:
    manifest = image(annotations={"kept": "manifest"})
    door.push("locked/manifest", "1", manifest)
    digest = descriptor(manifest)["digest"]
    shown = client.update_manifest_properties("locked/manifest", digest, can_delete=False, can_write=False)
    assert (shown.can_delete, shown.can_write, shown.can_read) == (False, False, True)
    with pytest.raises(HttpResponseError) as refused:
        client.delete_manifest("locked/manifest", digest)
    assert refused.value.status_code == 405
    assert "The operation is disallowed on this registry, repository or image." in str(refused.value)
    with pytest.raises(HttpResponseError):
        client.delete_repository("locked/manifest")
    client.update_manifest_properties("locked/manifest", digest, can_delete=True, can_write=True)
    client.delete_repository("locked/manifest")


def test_what_is_not_to_be_listed_is_not(door: RegistryEndpoint, client: ContainerRegistryClient) -> None:
    for tag in ("seen", "unseen"):
        door.push("locked/list", tag, image(annotations={"tag": tag}))
    client.update_tag_properties("locked/list", "unseen", can_list=False)
    assert [tag.name for tag in client.list_tag_properties("locked/list")] == ["seen"]
    client.update_repository_properties("locked/list", can_list=False)
    assert "locked/list" not in list(client.list_repository_names())
    assert client.get_repository_properties("locked/list").can_list is False


def test_a_lock_asks_for_the_right_to_set_it(door: RegistryEndpoint) -> None:
    door.push("locked/right", "1", image(annotations={"right": "to lock"}))
    for scope, status in (("metadata_read", 401), ("metadata_write", 200)):
        token = door.token(f"repository:locked/right:{scope}")
        answer = door.ask("PATCH", "/acr/v1/locked/right/_tags/1", token, json={"writeEnabled": True})
        assert answer.status_code == status
    token = door.token("repository:locked/right:metadata_write")
    assert door.ask("PATCH", "/acr/v1/locked/right/_tags/2", token, json={}).status_code == 404
    assert door.ask("PATCH", "/acr/v1/locked/right/_tags/1", token, data="no JSON").status_code == 400


@pytest.fixture
def own_registry(cloud: Cloud, request: pytest.FixtureRequest) -> Any:
    """A registry of the test's own; `put` changes it."""
    name = f"own{abs(hash(request.node.name)) % 10**8}"

    def put(**properties: Any) -> RegistryEndpoint:
        body = {"location": SOURCE.location, "sku": {"name": "Premium"}, "properties": properties}
        assert managed(cloud, "PUT", name, json=body).status_code in (200, 201)
        return RegistryEndpoint(cloud, name)

    yield put
    managed(cloud, "DELETE", name)


CLOSED: dict[str, dict[str, Any]] = {
    "off": {"publicNetworkAccess": "Disabled"},
    "denied": {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}},
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_registry_closed_to_the_public_network_answers_nobody(own_registry: Any, case: str) -> None:
    door = own_registry()
    token = door.token("repository:any:pull")
    door.push("any", "1", image())
    own_registry(**CLOSED[case])
    for method, path in (
        ("GET", "/v2/any/manifests/1"),
        ("POST", "/oauth2/exchange"),
        ("GET", "/acr/v1/_catalog"),
    ):
        answer = door.ask(method, path, token)
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "DENIED"
        assert "https://aka.ms/acr/firewall" in answer.text
    own_registry()
    assert door.ask("GET", "/v2/any/manifests/1", token, headers={"Accept": MANIFEST}).status_code == 200


def test_a_registry_may_refuse_tokens_for_the_management_endpoint(own_registry: Any, cloud: Cloud) -> None:
    for status, expected in (("enabled", {200}), ("disabled", {401})):
        door = own_registry(policies={"azureADAuthenticationAsArmPolicy": {"status": status}})
        form = {"grant_type": "access_token", "service": door.server}
        said = {}
        for audience in (cloud.audience, "https://containerregistry.azure.net"):
            entra = cloud.operator_token(audience)
            said[audience] = door.ask(
                "POST", "/oauth2/exchange", data={**form, "access_token": entra}
            ).status_code
        assert {said.pop(cloud.audience)} == expected
        assert set(said.values()) == {200}


def test_a_registry_made_anew_under_an_old_name_is_empty(own_registry: Any, cloud: Cloud) -> None:
    door = own_registry()
    door.push("old/image", "1", image())
    assert managed(cloud, "DELETE", door.name).status_code == 202
    with pytest.raises(requests.ConnectionError):
        door.ask("GET", "/v2/")
    assert looked_up()["source"]["silent"] == []
    door = own_registry()
    token = door.token("registry:catalog:*")
    assert door.ask("GET", "/acr/v1/_catalog", token).json() == {"repositories": []}
