"""The two clouds from outside: separation, Azure's errors, and the commands of the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.storage import StorageManagementClient

from sandbox import lifecycle
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import CHECKOUT, Paths

PIPELINES = "2023-01-01-preview"


class Bearer:
    """A credential that holds one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token, for any scope."""
        return AccessToken(self._token, 4_000_000_000)


@pytest.fixture(scope="module")
def clouds(paths: Paths) -> dict[str, Any]:
    """The output of `status --json`."""
    command = [sys.executable, "-m", "sandbox", "status", "--json"]
    output = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(output)["clouds"]
    return found


def asked(cloud: dict[str, Any], method: str, path: str, **options: Any) -> requests.Response:
    """Send a request to a cloud's management endpoint, below its subscription."""
    token = options.pop("token", cloud["token"])
    url = f"{cloud['arm']}/subscriptions/{cloud['subscription']}{path}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, url, headers=headers, verify=cloud["ca"], timeout=60, **options)


def registry_of(definition: CloudDefinition) -> str:
    group = f"/resourceGroups/{definition.registry_group}/providers"
    return f"{group}/Microsoft.ContainerRegistry/registries/{definition.registry}"


def test_the_two_clouds_share_no_address_and_no_id(clouds: dict[str, Any]) -> None:
    source, target = clouds["source"], clouds["target"]
    for key in ("arm", "subscription", "tenant", "token"):
        assert source[key] != target[key]
    assert not set(source["registries"].values()) & set(target["registries"].values())


def test_a_cloud_refuses_a_token_of_the_other(clouds: dict[str, Any]) -> None:
    path = f"{registry_of(TARGET)}?api-version={PIPELINES}"
    assert asked(clouds["target"], "GET", path).status_code == 200
    refused = asked(clouds["target"], "GET", path, token=clouds["source"]["token"])
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "InvalidAuthenticationTokenTenant"


REFUSALS = {
    "no token": ("GET", f"{registry_of(SOURCE)}?api-version={PIPELINES}", None, 401, "AuthenticationFailed"),
    "no version": ("GET", registry_of(SOURCE), "", 400, "MissingApiVersionParameter"),
    "unknown type": (
        "GET",
        "/resourceGroups/images/providers/Microsoft.Cache/redis/none?api-version=2024-11-01",
        "",
        404,
        "InvalidResourceNamespace",
    ),
    "unknown version": (
        "GET",
        f"{registry_of(SOURCE)}?api-version=1999-01-01",
        "",
        400,
        "NoRegisteredProviderFound",
    ),
    "nothing there": (
        "GET",
        f"{registry_of(SOURCE)}/exportPipelines/nothing?api-version={PIPELINES}",
        "",
        404,
        "ResourceNotFound",
    ),
    "no parent": (
        "PUT",
        f"/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/nowhere/exportPipelines/export"
        f"?api-version={PIPELINES}",
        "",
        404,
        "ParentResourceNotFound",
    ),
    "no group": (
        "PUT",
        "/resourceGroups/nowhere/providers/Microsoft.KeyVault/vaults/vault?api-version=2024-11-01",
        "",
        404,
        "ResourceGroupNotFound",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_an_error_has_azures_status_code_and_body(name: str, clouds: dict[str, Any]) -> None:
    method, path, token, status, code = REFUSALS[name]
    options = {"token": ""} if token is None else {}
    answer = asked(clouds["source"], method, path, json={} if method == "PUT" else None, **options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-ms-request-id"]


def test_resource_ids_are_case_insensitive(clouds: dict[str, Any]) -> None:
    path = registry_of(SOURCE).upper().replace("/RESOURCEGROUPS", "/resourcegroups")
    assert asked(clouds["source"], "GET", f"{path}?api-version={PIPELINES}").status_code == 200


def test_azures_storage_client_creates_an_account_and_lists_its_keys(
    clouds: dict[str, Any], paths: Paths
) -> None:
    cloud = clouds["source"]
    group = "/resourceGroups/tests-storage?api-version=2024-03-01"
    assert asked(cloud, "PUT", group, json={"location": SOURCE.location}).status_code == 201
    client = StorageManagementClient(
        Bearer(cloud["token"]),
        cloud["subscription"],
        base_url=cloud["arm"],
        credential_scopes=[cloud["arm"] + "/.default"],
        connection_verify=str(paths.bundle),
        polling_interval=0,
        api_version="2024-01-01",
    )
    body: Any = {"location": SOURCE.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    with client:
        made = client.storage_accounts.begin_create("tests-storage", "testsaccount", body).result()
        assert made.name == "testsaccount"
        keys = client.storage_accounts.list_keys("tests-storage", "testsaccount").keys_property
        assert [key.key_name for key in keys or []] == ["key1", "key2"]
        client.storage_accounts.delete("tests-storage", "testsaccount")
        with pytest.raises(ResourceNotFoundError):
            client.storage_accounts.get_properties("tests-storage", "testsaccount")


def test_only_principals_of_an_access_policy_read_a_secret(clouds: dict[str, Any]) -> None:
    cloud = clouds["target"]
    asked(
        cloud, "PUT", "/resourceGroups/tests-vault?api-version=2024-03-01", json={"location": "northeurope"}
    )
    vault = "/resourceGroups/tests-vault/providers/Microsoft.KeyVault/vaults/testsvault"
    properties = {
        "tenantId": cloud["tenant"],
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
    }
    made = asked(
        cloud,
        "PUT",
        f"{vault}?api-version=2024-11-01",
        json={"location": "northeurope", "properties": properties},
    )
    assert made.json()["properties"]["provisioningState"] == "RegisteringDns"
    assert not made.json()["properties"]["vaultUri"].endswith("/")
    secret = asked(
        cloud,
        "PUT",
        f"{vault}/secrets/canary?api-version=2024-11-01",
        json={"properties": {"value": "a-canary"}},
    )
    assert "a-canary" not in secret.text
    uri = secret.json()["properties"]["secretUri"]
    unsigned = requests.get(f"{uri}?api-version=7.4", verify=cloud["ca"], timeout=60)
    assert unsigned.status_code == 401
    assert "Bearer authorization=" in unsigned.headers["WWW-Authenticate"]
    reader = {"Authorization": f"Bearer {_vault_token(TARGET)}"}
    assert (
        requests.get(f"{uri}?api-version=7.4", headers=reader, verify=cloud["ca"], timeout=60).status_code
        == 403
    )
    policy = {"objectId": TARGET.operator, "tenantId": cloud["tenant"], "permissions": {"secrets": ["get"]}}
    listed = {"properties": {"accessPolicies": [policy]}}
    asked(cloud, "PUT", f"{vault}/accessPolicies/replace?api-version=2024-11-01", json=listed)
    read = requests.get(f"{uri}?api-version=7.4", headers=reader, verify=cloud["ca"], timeout=60)
    assert read.json()["value"] == "a-canary"


def _vault_token(definition: CloudDefinition) -> str:
    """A token from the managed identity endpoint."""
    running = lifecycle.require_running(Paths.here())
    answer = requests.get(
        running["identity"]["endpoint"],
        params={"api-version": "2019-08-01", "resource": definition.vault_audience},
        headers={"X-IDENTITY-HEADER": running["identity"]["header"]},
        timeout=60,
    )
    return str(answer.json()["access_token"])


def test_the_log_contains_bodies_without_secrets(paths: Paths, clouds: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "sandbox", "log", "--json"]
    output = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True, text=True).stdout
    assert "a-canary" not in output
    assert "[secret]" in output
    assert clouds["source"]["token"] not in output
    assert all(json.loads(line)["endpoint"] for line in output.splitlines())


def test_a_second_start_fails_with_the_next_step(paths: Paths) -> None:
    command = [sys.executable, "-m", "sandbox", "up"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False, text=True)
    assert ended.returncode == 1
    assert "already running" in ended.stderr
    assert "sandbox down" in ended.stderr


@pytest.mark.parametrize("command", ["env", "status", "seed"])
def test_commands_without_a_running_sandbox_show_how_to_start_it(
    command: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACR_TRANSFER_SANDBOX", str(tmp_path / "none"))
    whole = [sys.executable, "-m", "sandbox", command]
    ended = subprocess.run(whole, cwd=CHECKOUT, capture_output=True, check=False, text=True)
    assert ended.returncode == 1
    assert "python -m sandbox up" in ended.stderr


def test_registries_refuse_the_other_clouds_token(clouds: dict[str, Any]) -> None:
    server = next(iter(clouds["target"]["registries"].values()))
    form = {"grant_type": "access_token", "service": server, "access_token": clouds["source"]["token"]}
    answer = requests.post(
        f"https://{server}/oauth2/exchange", data=form, verify=clouds["target"]["ca"], timeout=60
    )
    assert answer.status_code == 401
    form["access_token"] = clouds["target"]["token"]
    answer = requests.post(
        f"https://{server}/oauth2/exchange", data=form, verify=clouds["target"]["ca"], timeout=60
    )
    assert answer.json()["refresh_token"]


def test_azures_clients_read_the_errors(clouds: dict[str, Any], paths: Paths) -> None:
    client = StorageManagementClient(
        Bearer("no token of ours"),
        clouds["source"]["subscription"],
        base_url=clouds["source"]["arm"],
        credential_scopes=["any/.default"],
        connection_verify=str(paths.bundle),
    )
    with client, pytest.raises(HttpResponseError) as caught:
        list(client.storage_accounts.list())
    assert caught.value.status_code == 401
