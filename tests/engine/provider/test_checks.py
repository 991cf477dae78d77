"""The azure-native stand-in before a deployment: names, faults, differences, previews."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.definitions import SOURCE
from sandbox.pulumi_plugins.azure_native import functions, resource_schema
from sandbox.pulumi_plugins.azure_native.resource_schema import ACCESS_POLICY
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values
from tests.engine.provider import sdk_schemas
from tests.engine.provider.stand_in import REGISTRY, CallFailedError, StandIn, running

ACCOUNT = {"resourceGroupName": "g", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "location": "x"}
VAULT = {"tenantId": "t", "sku": {"family": "A", "name": "standard"}}
PIPELINE = "containerregistry:ExportPipeline"
TARGET = {"type": "AzureStorageBlobContainer", "uri": "https://a/c", "keyVaultUri": "https://v/s"}
LOCATION = (
    "missing required property 'location'. Either set it explicitly or configure it with "
    "'pulumi config set azure-native:location <value>'."
)


def test_the_stored_schemas_match_the_installed_sdk() -> None:
    kept = json.loads(Path(resource_schema.__file__).with_name("sdk_schemas.json").read_text())
    assert kept == json.loads(json.dumps(sdk_schemas.generate()))


@pytest.mark.parametrize("type", RESOURCE_TYPES)
def test_the_metadata_of_a_type_uses_inputs_of_the_sdk(type: str) -> None:
    kept = json.loads(Path(resource_schema.__file__).with_name("sdk_schemas.json").read_text())
    kind = RESOURCE_TYPES[type]
    inputs = {name.rstrip("!") for name in kept[type]["inputs"]}
    renamed = {path.split(".")[0] for path in kind.renamed}
    assert {*kind.path_inputs, *kind.top, *kind.replaces, *renamed} <= inputs


NAMES: dict[str, tuple[str, Values, str, str, bool]] = {
    "random": ("resources:ResourceGroup", {}, "resourceGroupName", "thing[0-9a-f]{8}", True),
    "random account": ("storage:StorageAccount", ACCOUNT, "accountName", "thing[0-9a-f]{8}", True),
    "copy": (PIPELINE, {**REGISTRY, "target": TARGET}, "exportPipelineName", "thing", False),
    "uuid": (
        "authorization:RoleAssignment",
        {"principalId": "p", "roleDefinitionId": "r", "scope": "s"},
        "roleAssignmentName",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        True,
    ),
    "own": ("resources:ResourceGroup", {"resourceGroupName": "mine"}, "resourceGroupName", "mine", False),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_missing_name_is_generated_as_by_the_plugin(stand_in: StandIn, case: str) -> None:
    type, inputs, key, pattern, marked = NAMES[case]
    checked, faults = stand_in.check(type, inputs)
    assert faults == []
    assert _matches(pattern, checked[key])
    assert ("__createBeforeDelete" in checked) is marked
    assert checked["azureApiVersion"] == RESOURCE_TYPES[type].version


def test_a_generated_name_is_kept(stand_in: StandIn) -> None:
    old = {"resourceGroupName": "thing00000000", "__createBeforeDelete": True}
    checked, _ = stand_in.check("resources:ResourceGroup", {}, old)
    assert checked["resourceGroupName"] == "thing00000000"
    assert checked["__createBeforeDelete"] is True


LOCATIONS = {
    "given": ({"location": "own"}, {}, "own"),
    "previous": ({}, {"location": "old"}, "old"),
    "configured": ({}, {}, "westeurope"),
}


@pytest.mark.parametrize("case", LOCATIONS)
def test_a_missing_location_gets_a_default(stand_in: StandIn, case: str) -> None:
    given, old, expected = LOCATIONS[case]
    assert stand_in.check("resources:ResourceGroup", given, old)[0]["location"] == expected


def test_pipelines_have_a_location_and_runs_do_not(stand_in: StandIn) -> None:
    assert stand_in.check(PIPELINE, {**REGISTRY, "target": TARGET})[0]["location"] == "westeurope"
    assert "location" not in stand_in.check("containerregistry:PipelineRun", REGISTRY)[0]


FAULTS: dict[str, tuple[str, Values, list[str]]] = {
    "no inputs": (
        PIPELINE,
        {},
        [
            "missing required property 'registryName'",
            "missing required property 'resourceGroupName'",
            "missing required property 'target'",
        ],
    ),
    "nested": (
        PIPELINE,
        {**REGISTRY, "target": {"uri": "u"}},
        ["missing required property 'target.keyVaultUri'"],
    ),
    "a hyphen in the name": (
        PIPELINE,
        {**REGISTRY, "target": TARGET, "exportPipelineName": "no-good"},
        ["'exportPipelineName' does not match expression '^[a-zA-Z0-9]*$'"],
    ),
    "short and wrong": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "A"},
        [
            "'accountName' does not match expression '^[a-z0-9]+$'",
            "'accountName' is too short (1): at least 3 characters required",
        ],
    ),
    "long": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "a" * 25},
        ["'accountName' is too long (25): at most 24 characters allowed"],
    ),
    "a string for a boolean": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "abc", "allowBlobPublicAccess": "yes"},
        ["'allowBlobPublicAccess' should be of type 'boolean' but got a string"],
    ),
    "a string for a list": (
        PIPELINE,
        {**REGISTRY, "target": TARGET, "options": "OverwriteBlobs", "exportPipelineName": "export"},
        ["'options' should be of type 'array' but got a string"],
    ),
    "a list for a string": (
        "keyvault:Secret",
        {"resourceGroupName": "g", "vaultName": "v", "properties": {"value": ["x"]}},
        ["'properties.value' should be of type 'string' but got an array"],
    ),
    "a number for an object": (
        PIPELINE,
        {**REGISTRY, "target": 3, "exportPipelineName": "export"},
        ["'target' should be of type 'object' but got a number"],
    ),
    "a fraction for an integer": (
        "keyvault:Vault",
        {
            "resourceGroupName": "g",
            "vaultName": "vvv",
            "properties": {**VAULT, "softDeleteRetentionInDays": 7.5},
        },
        ["'properties.softDeleteRetentionInDays' must be an integer but got 7.500000"],
    ),
    "inside a list": (
        "monitor:DiagnosticSetting",
        {"resourceUri": "u", "logs": [{"category": "c"}]},
        ["missing required property 'logs[0].enabled'"],
    ),
    "the content of an access policy is not checked": (
        "keyvault:AccessPolicy",
        {"resourceGroupName": "g", "policy": {}},
        ["missing required property 'vaultName'"],
    ),
    "an enum accepts any string": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "abc", "minimumTlsVersion": "TLS9"},
        [],
    ),
    "unknown values are accepted": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": UNKNOWN, "allowBlobPublicAccess": UNKNOWN, "sku": UNKNOWN},
        [],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_all_faults_are_reported_with_the_plugins_messages(stand_in: StandIn, case: str) -> None:
    type, inputs, expected = FAULTS[case]
    assert stand_in.check(type, inputs, name="exportPipeline")[1] == expected


def test_a_location_without_default_is_reported(
    sandbox_environment: dict[str, str],
) -> None:
    with running(sandbox_environment, SOURCE) as plain:
        plain.configure(environment=SOURCE.name, subscriptionId=SOURCE.subscription)
        assert plain.check("resources:ResourceGroup", {})[1] == [LOCATION]
        inherited = {**ACCOUNT, "accountName": "abc", "resourceGroupName": "images"}
        del inherited["location"]
        assert plain.check("storage:StorageAccount", inherited)[0]["location"] == SOURCE.location
        nowhere = {**inherited, "resourceGroupName": "not-there"}
        assert plain.check("storage:StorageAccount", nowhere)[1] == [LOCATION]


BASE = {"resourceGroupName": "g", "accountName": "abc", "location": "West Europe", "tags": {"a": "1"}}
DIFFS: dict[str, tuple[str, Values, Values, dict[str, str], list[str]]] = {
    "no difference": ("storage:StorageAccount", BASE, BASE, {}, []),
    "the case of a group": ("storage:StorageAccount", BASE, {**BASE, "resourceGroupName": "G"}, {}, []),
    "the spelling of a location": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "location": "westeurope"},
        {},
        [],
    ),
    "another location": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "location": "x"},
        {"location": "UPDATE_REPLACE"},
        ["location"],
    ),
    "another name": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "accountName": "other"},
        {"accountName": "UPDATE_REPLACE"},
        ["accountName"],
    ),
    "another tag value": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "tags": {"a": "2"}},
        {"tags.a": "UPDATE"},
        [],
    ),
    "a removed tag": ("storage:StorageAccount", BASE, {**BASE, "tags": {}}, {"tags.a": "DELETE"}, []),
    "an added entry": (
        PIPELINE,
        {"options": ["A"]},
        {"options": ["A", "B"]},
        {"options[1]": "ADD"},
        [],
    ),
    "a changed entry": (PIPELINE, {"options": ["A"]}, {"options": ["B"]}, {"options[0]": "UPDATE"}, []),
    "the case of an enum": (
        PIPELINE,
        {"identity": {"type": "SystemAssigned"}},
        {"identity": {"type": "systemAssigned"}},
        {"identity.type": "UPDATE"},
        [],
    ),
    "internal marks": (PIPELINE, {"__createBeforeDelete": True}, {}, {}, []),
    "a new forceUpdateTag": (
        "containerregistry:PipelineRun",
        {"forceUpdateTag": "1"},
        {"forceUpdateTag": "2"},
        {"forceUpdateTag": "UPDATE"},
        [],
    ),
    "another principal": (
        "authorization:RoleAssignment",
        {"principalId": "a", "roleDefinitionId": "x"},
        {"principalId": "b", "roleDefinitionId": "y"},
        {"principalId": "UPDATE_REPLACE", "roleDefinitionId": "UPDATE"},
        ["principalId"],
    ),
    "another principal of a policy": (
        "keyvault:AccessPolicy",
        {"policy": {"objectId": "a"}},
        {"policy": {"objectId": "b"}},
        {"policy.objectId": "UPDATE_REPLACE"},
        ["policy.objectId"],
    ),
    "an explicit default": (
        "containerregistry:Registry",
        {"policies": {"exportPolicy": {}}},
        {"adminUserEnabled": False, "policies": {"exportPolicy": {"status": "enabled"}}},
        {},
        [],
    ),
}


@pytest.mark.parametrize("case", DIFFS)
def test_inputs_are_compared_as_by_the_plugin(stand_in: StandIn, case: str) -> None:
    type, old, new, changed, replaces = DIFFS[case]
    answer = stand_in.diff(type, old, new)
    assert (answer.changed, answer.replaces) == (changed, replaces)
    assert answer.deletes_first is bool(replaces)


def test_a_resource_with_a_generated_name_is_created_before_it_is_deleted(stand_in: StandIn) -> None:
    old = {**BASE, "__createBeforeDelete": True}
    answer = stand_in.diff("storage:StorageAccount", old, {**BASE, "location": "x"})
    assert answer.replaces == ["location"]
    assert not answer.deletes_first


def test_an_added_input_with_the_current_value_replaces_nothing(stand_in: StandIn) -> None:
    old = {"resourceGroupName": "g", "accountName": "abc"}
    new, state = {**old, "isHnsEnabled": True}, {"isHnsEnabled": True}
    assert stand_in.diff("storage:StorageAccount", old, new, state).replaces == []
    assert stand_in.diff("storage:StorageAccount", old, new, {}).replaces == ["isHnsEnabled"]


def test_a_preview_has_the_outputs_that_inputs_determine(stand_in: StandIn) -> None:
    inputs = {**REGISTRY, "exportPipelineName": "export", "target": TARGET, "location": "westeurope"}
    inputs["identity"] = {"type": "SystemAssigned"}
    _, shown = stand_in.create(PIPELINE, inputs, preview=True)
    assert shown["target"] == TARGET
    assert shown["identity"]["type"] == "SystemAssigned"
    assert {shown["name"], shown["provisioningState"], shown["identity"]["principalId"]} == {UNKNOWN}
    assert "registryName" not in shown
    state = {"name": "export", "location": "westeurope", "provisioningState": "Succeeded"}
    updated = stand_in.update(PIPELINE, "id", state, inputs, preview=True)
    assert updated["name"] == "export"
    assert updated["provisioningState"] == UNKNOWN


UNSUPPORTED = {
    "type": lambda plugin: plugin.check("compute:VirtualMachine", {}),
    "function": lambda plugin: plugin.invoke("compute:getVirtualMachine", {}),
    "other function": lambda plugin: plugin.invoke("storage:regenerateEverything", {}),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_unsupported_types_and_functions_are_named(stand_in: StandIn, case: str) -> None:
    with pytest.raises(
        CallFailedError, match=r"stand-in for azure-native does not support the (type|function) azure"
    ):
        UNSUPPORTED[case](stand_in)


def _matches(pattern: str, value: Any) -> bool:
    return bool(re.fullmatch(pattern, str(value)))


def test_the_documentation_lists_every_type_and_function(checkout: Path) -> None:
    text = (checkout / "docs/provider-stand-in.md").read_text()
    rows = re.findall(r"^\| `(\w+:\w+)` \| (\S+) ", text, re.MULTILINE)
    assert dict(rows) == {
        **{type: kind.version for type, kind in RESOURCE_TYPES.items()},
        ACCESS_POLICY: "none",
    }
    assert [name for name in functions.NAMES if f"`{name}`" not in text] == []
