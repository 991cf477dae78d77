"""Resources through the azure-native stand-in: made, refused, read, adopted, changed, removed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Places
from sandbox.cloud.store import Store
from sandbox.pulumi_plugins.protocol.values import Values
from tests.engine.provider.stand_in import REGISTRY, CallFailedError, PartlyMadeError, StandIn

GROUP = {"resourceGroupName": "provider-tests"}
ACCOUNT = {**GROUP, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
PIPELINE = "containerregistry:ExportPipeline"
TARGET = {
    "type": "AzureStorageBlobContainer",
    "uri": "https://localhost/providertests/transfer",
    "keyVaultUri": "https://localhost/secrets/sas",
}
VAULT = {**GROUP, "vaultName": "provider-tests", "location": SOURCE.location}
VAULT_PROPERTIES = {"tenantId": SOURCE.tenant, "sku": {"family": "A", "name": "standard"}}
RIGHTS = {"tenantId": SOURCE.tenant, "objectId": SOURCE.operator, "permissions": {"secrets": ["all"]}}


@pytest.fixture(scope="module", autouse=True)
def group(stand_in: StandIn) -> None:
    stand_in.made("resources:ResourceGroup", GROUP)


@pytest.fixture(scope="module")
def vault(stand_in: StandIn) -> str:
    """A vault whose secrets the operator may set and delete."""
    properties = {**VAULT_PROPERTIES, "accessPolicies": [RIGHTS]}
    return stand_in.made("keyvault:Vault", {**VAULT, "properties": properties})[0]


@pytest.fixture
def sent(places: Places) -> Iterator[Any]:
    """Method, path and body of what is sent to the management endpoint from here on."""
    store = Store(places.state / SOURCE.side)
    before = len(list(store.exchanges()))

    def since() -> list[tuple[str, str, Any]]:
        listed = [each for each in list(store.exchanges())[before:] if each["door"] == "arm"]
        return [(each["method"], each["url"].partition("?")[0], _body(each)) for each in listed]

    yield since
    store.close()


def _body(exchange: Values) -> Any:
    text = exchange.get("request")
    return json.loads(text) if isinstance(text, str) and text else text or None


def _pipeline(name: str, **more: Any) -> Values:
    identity = {"type": "SystemAssigned"}
    return {**REGISTRY, "exportPipelineName": name, "identity": identity, "target": TARGET, **more}


def test_a_create_looks_first_writes_once_and_reads_again(stand_in: StandIn, sent: Any) -> None:
    id, _, state = stand_in.made(PIPELINE, _pipeline("makesOnce", unheardOf=1))
    exchanges = sent()
    assert [method for method, _, _ in exchanges] == ["GET", "PUT", "GET"]
    assert "unheardOf" not in json.dumps(exchanges)
    assert state["id"] == id
    assert state["name"] == "makesOnce"
    assert state["identity"]["type"] == "systemAssigned"
    assert "registryName" not in state
    assert "properties" not in state


EXISTING = {
    "a resource": (
        PIPELINE,
        _pipeline("isThere"),
        r"cannot create already existing resource '/subscr.*/isThere'",
    ),
    "an access policy": (
        "keyvault:AccessPolicy",
        {**GROUP, "vaultName": "provider-tests", "policy": RIGHTS},
        r'cannot create already existing resource "/.*/accessPolicy/0b5e0000-[-0-9a-f]*"',
    ),
    "a secret": (
        "keyvault:Secret",
        {**GROUP, "vaultName": "provider-tests", "secretName": "is-there", "properties": {"value": "x"}},
        r"cannot create already existing resource '/subscr.*/secrets/is-there'",
    ),
}


@pytest.mark.parametrize("case", EXISTING)
def test_what_exists_is_not_made_again(stand_in: StandIn, vault: str, case: str) -> None:
    del vault
    type, inputs, words = EXISTING[case]
    if type != "keyvault:AccessPolicy":
        stand_in.made(type, inputs)
    with pytest.raises(CallFailedError, match=words):
        stand_in.made(type, inputs)


def test_a_check_of_existence_that_is_refused_says_what_was_answered(stand_in: StandIn) -> None:
    inputs = {**GROUP, "parentResourcePath": "registries/contososource", "resourceName": "asked"}
    inputs |= {"resourceProviderNamespace": "Microsoft.ContainerRegistry", "resourceType": "exportPipelines"}
    words = (
        r"cannot check existence of resource '/subscr.*/exportPipelines/asked': status code 400, {.*NoRegist"
    )
    with pytest.raises(CallFailedError, match=words):
        stand_in.made("resources:Resource", {**inputs, "apiVersion": "2023-01-01-preview"})


def test_a_refused_request_leaves_nothing_and_reads_as_the_plugin_writes_it(stand_in: StandIn) -> None:
    inputs = {**_pipeline("noParent"), "registryName": "not-there"}
    with pytest.raises(
        CallFailedError, match=r'^Status=404 Code="ParentResourceNotFound" Message="'
    ) as caught:
        stand_in.create(PIPELINE, {**inputs, "location": "westeurope"})
    assert not isinstance(caught.value, PartlyMadeError)


def test_a_failed_operation_leaves_what_is_there_for_the_next_up(stand_in: StandIn, vault: str) -> None:
    del vault
    pipeline, _, _ = stand_in.made(PIPELINE, _pipeline("cannotRun"))
    request = {"pipelineResourceId": pipeline, "artifacts": ["a:1"], "target": {"name": "blob"}}
    inputs = {**REGISTRY, "pipelineRunName": "cannotRun", "request": request}
    with pytest.raises(PartlyMadeError, match=r'^Status=200 Code="\w+" Message="') as caught:
        stand_in.made("containerregistry:PipelineRun", inputs)
    assert caught.value.id.endswith("/pipelineRuns/cannotRun")
    assert caught.value.state["provisioningState"] == "Failed"
    assert caught.value.inputs["request"] == request


def test_a_resource_that_is_gone_is_gone_in_a_refresh_and_no_fault_in_a_delete(stand_in: StandIn) -> None:
    id, inputs, state = stand_in.made(PIPELINE, _pipeline("goesAway"))
    stand_in.delete(PIPELINE, id, inputs)
    assert stand_in.read(PIPELINE, id, inputs, state) == ("", {}, {})
    stand_in.delete(PIPELINE, id, inputs)


def test_a_refresh_of_what_nobody_touched_changes_nothing(stand_in: StandIn) -> None:
    id, inputs, state = stand_in.made(PIPELINE, _pipeline("untouched", options=["OverwriteBlobs"]))
    assert stand_in.read(PIPELINE, id, inputs, state) == (id, inputs, state)


def test_a_refresh_shows_what_somebody_else_changed_and_only_that(stand_in: StandIn) -> None:
    before = _pipeline("drifts", options=["OverwriteBlobs"])
    id, inputs, state = stand_in.made(PIPELINE, before)
    elsewhere = {**inputs, "options": ["OverwriteBlobs", "ContinueOnErrors"]}
    elsewhere["target"] = {**TARGET, "uri": "https://localhost/other/transfer"}
    stand_in.update(PIPELINE, id, state, elsewhere)
    _, now, _ = stand_in.read(PIPELINE, id, inputs, state)
    assert now == elsewhere
    stand_in.update(PIPELINE, id, state, {key: inputs[key] for key in inputs if key != "options"})
    assert "options" not in stand_in.read(PIPELINE, id, inputs, state)[1]


def test_network_rules_that_a_program_lists_no_longer_are_opened(stand_in: StandIn, sent: Any) -> None:
    closed = {**ACCOUNT, "accountName": "closedaccount", "networkRuleSet": {"defaultAction": "Deny"}}
    id, inputs, state = stand_in.made("storage:StorageAccount", closed)
    without = {key: value for key, value in inputs.items() if key != "networkRuleSet"}
    stand_in.update("storage:StorageAccount", id, state, without, old=inputs)
    stand_in.update("storage:StorageAccount", id, state, without, old=without)
    rules = [body["properties"].get("networkAcls") for method, _, body in sent() if method == "PUT"]
    opened = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
    assert rules == [{"defaultAction": "Deny"}, opened, None]


def test_policies_that_others_add_to_a_vault_are_no_drift_unless_the_program_lists_its_own(
    stand_in: StandIn, vault: str
) -> None:
    inputs = {**VAULT, "vaultName": "drifting-vault", "properties": VAULT_PROPERTIES}
    id, inputs, state = stand_in.made("keyvault:Vault", inputs)
    place = {**GROUP, "vaultName": "drifting-vault"}
    stand_in.made("keyvault:AccessPolicy", {**place, "policy": RIGHTS})
    _, kept, now = stand_in.read("keyvault:Vault", id, inputs, state)
    assert kept == inputs
    assert len(now["properties"]["accessPolicies"]) == 1
    updated = stand_in.update("keyvault:Vault", id, now, {**inputs, "tags": {"a": "b"}})
    assert len(updated["properties"]["accessPolicies"]) == 1
    del vault


def test_an_access_policy_is_adopted_by_its_id_changed_and_taken_out(stand_in: StandIn, vault: str) -> None:
    policy = {**RIGHTS, "objectId": "77777777-0000-4000-8000-000000000000"}
    policy["permissions"] = {"secrets": ["get"], "keys": []}
    place = {**GROUP, "vaultName": "provider-tests"}
    id, _, state = stand_in.made("keyvault:AccessPolicy", {**place, "policy": policy})
    assert id == f"{vault}/accessPolicy/{policy['objectId']}"
    _, adopted, read = stand_in.read("keyvault:AccessPolicy", id)
    assert read == state == adopted
    assert adopted["policy"]["permissions"] == {"secrets": ["get"]}
    changed = {**policy, "permissions": {"secrets": ["get", "list"]}}
    updated = stand_in.update("keyvault:AccessPolicy", id, state, {**place, "policy": changed})
    assert updated["policy"]["permissions"] == {"secrets": ["get", "list"]}
    stand_in.delete("keyvault:AccessPolicy", id, {**place, "policy": policy})
    assert stand_in.read("keyvault:AccessPolicy", id, adopted, state)[0] == ""
    with pytest.raises(CallFailedError, match=f"access policy for {policy['objectId']} does not exist"):
        stand_in.update("keyvault:AccessPolicy", id, state, {**place, "policy": changed})


def test_a_secret_is_adopted_without_its_value_and_shows_no_drift(stand_in: StandIn, vault: str) -> None:
    place = {**GROUP, "vaultName": "provider-tests", "secretName": "adopted", "tags": {"a": "b"}}
    properties: Values = {
        "value": "very-secret",
        "contentType": "text/plain",
        "attributes": {"expires": 4000000000},
    }
    id, inputs, state = stand_in.made("keyvault:Secret", {**place, "properties": properties})
    assert id == f"{vault}/secrets/adopted"
    assert "very-secret" not in json.dumps(state)
    assert stand_in.read("keyvault:Secret", id, inputs, state)[1] == inputs
    _, adopted, _ = stand_in.read("keyvault:Secret", id)
    del inputs["properties"]["value"]
    adopted["properties"]["attributes"].pop("enabled", None)
    assert adopted == inputs


ADOPTED: dict[str, tuple[str, Values]] = {
    "group": ("resources:ResourceGroup", {"resourceGroupName": "adopted-group", "location": "westeurope"}),
    "pipeline": (PIPELINE, _pipeline("adopted", options=["ContinueOnErrors"], location="westeurope")),
    "account": (
        "storage:StorageAccount",
        {
            **ACCOUNT,
            "accountName": "adoptedaccount",
            "location": "westeurope",
            "allowSharedKeyAccess": False,
            "enableHttpsTrafficOnly": True,
            "minimumTlsVersion": "TLS1_2",
        },
    ),
    "vault": ("keyvault:Vault", {**VAULT, "vaultName": "adopted-vault", "properties": VAULT_PROPERTIES}),
}


@pytest.mark.parametrize("case", ADOPTED)
def test_what_exists_is_adopted_by_its_id_with_inputs_that_describe_it(stand_in: StandIn, case: str) -> None:
    type, given = ADOPTED[case]
    id, inputs, _ = stand_in.made(type, given)
    found, adopted, state = stand_in.read(type, id)
    assert found == id
    assert _without_case(_subset(adopted, given)) == _without_case(given)
    assert not [key for key, value in adopted.items() if value in ({}, [])]
    assert stand_in.check(type, adopted)[1] == []
    assert stand_in.read(type, id, adopted, state)[1] == adopted
    answer = stand_in.diff(type, adopted, inputs, state)
    assert answer.replaces == []


def test_an_id_that_names_nothing_is_not_adopted(stand_in: StandIn) -> None:
    place = f"/subscriptions/{SOURCE.subscription}/resourceGroups/not-there"
    assert stand_in.read("resources:ResourceGroup", place) == ("", {}, {})


GETTERS: dict[str, tuple[str, Values, str, Any]] = {
    "registry": ("containerregistry:getRegistry", REGISTRY, "name", "contososource"),
    "group": ("resources:getResourceGroup", {"resourceGroupName": "images"}, "location", SOURCE.location),
    "vault": ("keyvault:getVault", {**GROUP, "vaultName": "provider-tests"}, "azureApiVersion", "2024-11-01"),
    "who calls": ("authorization:getClientConfig", {}, "objectId", SOURCE.operator),
}


@pytest.mark.parametrize("case", GETTERS)
def test_functions_read_what_exists(stand_in: StandIn, vault: str, case: str) -> None:
    del vault
    token, arguments, key, expected = GETTERS[case]
    assert stand_in.invoke(token, arguments)[key] == expected


def test_a_function_that_fails_names_the_resource_and_the_answer(stand_in: StandIn) -> None:
    words = r'request failed /subscr.*/registries/nosuch: Status=404 Code="ResourceNotFound" Message="The '
    with pytest.raises(CallFailedError, match=words):
        stand_in.invoke("containerregistry:getRegistry", {**REGISTRY, "registryName": "nosuch"})


def test_a_service_sas_opens_what_it_names_and_is_in_no_log(stand_in: StandIn, places: Places) -> None:
    account = {**GROUP, "accountName": f"sas{uuid.uuid4().hex[:12]}"}
    inputs = {**account, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "location": SOURCE.location}
    _, _, made = stand_in.made("storage:StorageAccount", inputs)
    stand_in.made("storage:BlobContainer", {**account, "containerName": "transfer"})
    arguments = {
        **account,
        "canonicalizedResource": f"/blob/{account['accountName']}/transfer",
        "resource": "c",
        "permissions": "rl",
        "protocols": "https",
        "sharedAccessExpiryTime": "2099-01-01T00:00:00Z",
        "keyToSign": "key2",
    }
    token = stand_in.invoke("storage:listStorageAccountServiceSAS", arguments)["serviceSasToken"]
    url = f"{made['primaryEndpoints']['blob']}transfer"
    trusted = str(places.bundle)
    with ContainerClient.from_container_url(f"{url}?{token}", connection_verify=trusted) as container:
        assert list(container.list_blobs()) == []
        with pytest.raises(HttpResponseError):
            container.upload_blob("a", b"1")
    signature = parse_qs(token)["sig"][0]
    exchanges = list(Store(places.state / SOURCE.side).exchanges())
    assert any("ListServiceSas" in each["url"] for each in exchanges)
    assert signature not in json.dumps(exchanges)
    assert quote(signature, safe="") not in json.dumps(exchanges)
    wrong = {**arguments, "canonicalizedResource": "/blob/another/transfer"}
    with pytest.raises(CallFailedError, match='Status=400 Code="BadRequest"'):
        stand_in.invoke("storage:listStorageAccountServiceSAS", wrong)


def _subset(whole: Any, part: Any) -> Any:
    """As much of a value as another one names."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return {key: _subset(whole[key], part[key]) for key in part if key in whole}
    return whole


def _without_case(value: Any) -> Any:
    return json.loads(json.dumps(value).lower())
