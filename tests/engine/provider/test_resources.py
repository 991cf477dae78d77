"""Resources through the azure-native stand-in: create, refuse, read, import, update, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.pulumi_plugins.protocol.values import Values
from tests.engine.provider.stand_in import REGISTRY, CallFailedError, InitFailedError, StandIn

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
    stand_in.check_and_create("resources:ResourceGroup", GROUP)


@pytest.fixture(scope="module")
def vault(stand_in: StandIn) -> str:
    """A vault with an access policy of the operator."""
    properties = {**VAULT_PROPERTIES, "accessPolicies": [RIGHTS]}
    return stand_in.check_and_create("keyvault:Vault", {**VAULT, "properties": properties})[0]


@pytest.fixture
def sent(paths: Paths) -> Iterator[Any]:
    """Method, path and body of the requests to Azure Resource Manager in this test."""
    cloud = Cloud(SOURCE, paths)
    before = len(list(cloud.request_log.exchanges()))

    def since() -> list[tuple[str, str, Any]]:
        listed = [each for each in list(cloud.request_log.exchanges())[before:] if each["endpoint"] == "arm"]
        return [(each["method"], each["url"].partition("?")[0], _body(each)) for each in listed]

    yield since
    cloud.database.close()


def _body(exchange: Values) -> Any:
    text = exchange.get("request")
    return json.loads(text) if isinstance(text, str) and text else text or None


def _pipeline(name: str, **more: Any) -> Values:
    identity = {"type": "SystemAssigned"}
    return {**REGISTRY, "exportPipelineName": name, "identity": identity, "target": TARGET, **more}


def test_a_create_checks_existence_writes_once_and_reads_again(stand_in: StandIn, sent: Any) -> None:
    id, _, state = stand_in.check_and_create(PIPELINE, _pipeline("makesOnce", unheardOf=1))
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
def test_an_existing_resource_is_not_created_again(stand_in: StandIn, vault: str, case: str) -> None:
    del vault
    type, inputs, message = EXISTING[case]
    if type != "keyvault:AccessPolicy":
        stand_in.check_and_create(type, inputs)
    with pytest.raises(CallFailedError, match=message):
        stand_in.check_and_create(type, inputs)


def test_a_failed_existence_check_reports_the_response(stand_in: StandIn) -> None:
    inputs = {**GROUP, "parentResourcePath": "registries/contososource", "resourceName": "asked"}
    inputs |= {"resourceProviderNamespace": "Microsoft.ContainerRegistry", "resourceType": "exportPipelines"}
    message = (
        r"cannot check existence of resource '/subscr.*/exportPipelines/asked': status code 400, {.*NoRegist"
    )
    with pytest.raises(CallFailedError, match=message):
        stand_in.check_and_create("resources:Resource", {**inputs, "apiVersion": "2023-01-01-preview"})


def test_a_rejected_request_creates_nothing_and_has_the_plugins_message(stand_in: StandIn) -> None:
    inputs = {**_pipeline("noParent"), "registryName": "not-there"}
    with pytest.raises(
        CallFailedError, match=r'^Status=404 Code="ParentResourceNotFound" Message="'
    ) as caught:
        stand_in.create(PIPELINE, {**inputs, "location": "westeurope"})
    assert not isinstance(caught.value, InitFailedError)


def test_a_failed_operation_keeps_the_created_resource(stand_in: StandIn, vault: str) -> None:
    del vault
    pipeline, _, _ = stand_in.check_and_create(PIPELINE, _pipeline("cannotRun"))
    request = {"pipelineResourceId": pipeline, "artifacts": ["a:1"], "target": {"name": "blob"}}
    inputs = {**REGISTRY, "pipelineRunName": "cannotRun", "request": request}
    with pytest.raises(InitFailedError, match=r'^Status=200 Code="\w+" Message="') as caught:
        stand_in.check_and_create("containerregistry:PipelineRun", inputs)
    assert caught.value.id.endswith("/pipelineRuns/cannotRun")
    assert caught.value.state["provisioningState"] == "Failed"
    assert caught.value.inputs["request"] == request


def test_a_missing_resource_is_removed_by_refresh_and_ignored_by_delete(stand_in: StandIn) -> None:
    id, inputs, state = stand_in.check_and_create(PIPELINE, _pipeline("goesAway"))
    stand_in.delete(PIPELINE, id, inputs)
    assert stand_in.read(PIPELINE, id, inputs, state) == ("", {}, {})
    stand_in.delete(PIPELINE, id, inputs)


def test_a_refresh_without_changes_changes_nothing(stand_in: StandIn) -> None:
    id, inputs, state = stand_in.check_and_create(
        PIPELINE, _pipeline("untouched", options=["OverwriteBlobs"])
    )
    assert stand_in.read(PIPELINE, id, inputs, state) == (id, inputs, state)


def test_a_refresh_shows_only_external_changes(stand_in: StandIn) -> None:
    before = _pipeline("drifts", options=["OverwriteBlobs"])
    id, inputs, state = stand_in.check_and_create(PIPELINE, before)
    elsewhere = {**inputs, "options": ["OverwriteBlobs", "ContinueOnErrors"]}
    elsewhere["target"] = {**TARGET, "uri": "https://localhost/other/transfer"}
    stand_in.update(PIPELINE, id, state, elsewhere)
    _, now, _ = stand_in.read(PIPELINE, id, inputs, state)
    assert now == elsewhere
    stand_in.update(PIPELINE, id, state, {key: inputs[key] for key in inputs if key != "options"})
    assert "options" not in stand_in.read(PIPELINE, id, inputs, state)[1]


def test_removed_network_rules_are_opened(stand_in: StandIn, sent: Any) -> None:
    closed = {**ACCOUNT, "accountName": "closedaccount", "networkRuleSet": {"defaultAction": "Deny"}}
    id, inputs, state = stand_in.check_and_create("storage:StorageAccount", closed)
    without = {key: value for key, value in inputs.items() if key != "networkRuleSet"}
    stand_in.update("storage:StorageAccount", id, state, without, old=inputs)
    stand_in.update("storage:StorageAccount", id, state, without, old=without)
    rules = [body["properties"].get("networkAcls") for method, _, body in sent() if method == "PUT"]
    opened = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
    assert rules == [{"defaultAction": "Deny"}, opened, None]


def test_access_policies_of_others_are_not_drift_of_a_vault(stand_in: StandIn, vault: str) -> None:
    inputs = {**VAULT, "vaultName": "drifting-vault", "properties": VAULT_PROPERTIES}
    id, inputs, state = stand_in.check_and_create("keyvault:Vault", inputs)
    place = {**GROUP, "vaultName": "drifting-vault"}
    stand_in.check_and_create("keyvault:AccessPolicy", {**place, "policy": RIGHTS})
    _, kept, now = stand_in.read("keyvault:Vault", id, inputs, state)
    assert kept == inputs
    assert len(now["properties"]["accessPolicies"]) == 1
    updated = stand_in.update("keyvault:Vault", id, now, {**inputs, "tags": {"a": "b"}})
    assert len(updated["properties"]["accessPolicies"]) == 1
    del vault


def test_an_access_policy_is_imported_updated_and_deleted(stand_in: StandIn, vault: str) -> None:
    policy = {**RIGHTS, "objectId": "77777777-0000-4000-8000-000000000000"}
    policy["permissions"] = {"secrets": ["get"], "keys": []}
    place = {**GROUP, "vaultName": "provider-tests"}
    id, _, state = stand_in.check_and_create("keyvault:AccessPolicy", {**place, "policy": policy})
    assert id == f"{vault}/accessPolicy/{policy['objectId']}"
    _, imported, read = stand_in.read("keyvault:AccessPolicy", id)
    assert read == state == imported
    assert imported["policy"]["permissions"] == {"secrets": ["get"]}
    changed = {**policy, "permissions": {"secrets": ["get", "list"]}}
    updated = stand_in.update("keyvault:AccessPolicy", id, state, {**place, "policy": changed})
    assert updated["policy"]["permissions"] == {"secrets": ["get", "list"]}
    stand_in.delete("keyvault:AccessPolicy", id, {**place, "policy": policy})
    assert stand_in.read("keyvault:AccessPolicy", id, imported, state)[0] == ""
    with pytest.raises(CallFailedError, match=f"access policy for {policy['objectId']} does not exist"):
        stand_in.update("keyvault:AccessPolicy", id, state, {**place, "policy": changed})


def test_a_secret_is_imported_without_its_value_and_does_not_drift(stand_in: StandIn, vault: str) -> None:
    place = {**GROUP, "vaultName": "provider-tests", "secretName": "adopted", "tags": {"a": "b"}}
    properties: Values = {
        "value": "very-secret",
        "contentType": "text/plain",
        "attributes": {"expires": 4000000000},
    }
    id, inputs, state = stand_in.check_and_create("keyvault:Secret", {**place, "properties": properties})
    assert id == f"{vault}/secrets/adopted"
    assert "very-secret" not in json.dumps(state)
    assert stand_in.read("keyvault:Secret", id, inputs, state)[1] == inputs
    _, imported, _ = stand_in.read("keyvault:Secret", id)
    del inputs["properties"]["value"]
    imported["properties"]["attributes"].pop("enabled", None)
    assert imported == inputs


IMPORTED: dict[str, tuple[str, Values]] = {
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


@pytest.mark.parametrize("case", IMPORTED)
def test_an_existing_resource_is_imported_with_inputs_that_describe_it(stand_in: StandIn, case: str) -> None:
    type, given = IMPORTED[case]
    id, inputs, _ = stand_in.check_and_create(type, given)
    found, imported, state = stand_in.read(type, id)
    assert found == id
    assert _without_case(_subset(imported, given)) == _without_case(given)
    assert not [key for key, value in imported.items() if value in ({}, [])]
    assert stand_in.check(type, imported)[1] == []
    assert stand_in.read(type, id, imported, state)[1] == imported
    answer = stand_in.diff(type, imported, inputs, state)
    assert answer.replaces == []


def test_a_missing_resource_is_not_imported(stand_in: StandIn) -> None:
    place = f"/subscriptions/{SOURCE.subscription}/resourceGroups/not-there"
    assert stand_in.read("resources:ResourceGroup", place) == ("", {}, {})


GETTERS: dict[str, tuple[str, Values, str, Any]] = {
    "registry": ("containerregistry:getRegistry", REGISTRY, "name", "contososource"),
    "group": ("resources:getResourceGroup", {"resourceGroupName": "images"}, "location", SOURCE.location),
    "vault": ("keyvault:getVault", {**GROUP, "vaultName": "provider-tests"}, "azureApiVersion", "2024-11-01"),
    "the caller": ("authorization:getClientConfig", {}, "objectId", SOURCE.operator),
}


@pytest.mark.parametrize("case", GETTERS)
def test_functions_read_existing_resources(stand_in: StandIn, vault: str, case: str) -> None:
    del vault
    token, arguments, key, expected = GETTERS[case]
    assert stand_in.invoke(token, arguments)[key] == expected


def test_a_failed_function_reports_the_resource_and_the_response(stand_in: StandIn) -> None:
    message = r'request failed /subscr.*/registries/nosuch: Status=404 Code="ResourceNotFound" Message="The '
    with pytest.raises(CallFailedError, match=message):
        stand_in.invoke("containerregistry:getRegistry", {**REGISTRY, "registryName": "nosuch"})


def _subset(whole: Any, part: Any) -> Any:
    """The part of a value that another value has."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return {key: _subset(whole[key], part[key]) for key in part if key in whole}
    return whole


def _without_case(value: Any) -> Any:
    return json.loads(json.dumps(value).lower())
