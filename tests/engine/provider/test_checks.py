"""What the azure-native stand-in says before anything is made: names, faults, differences, previews."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

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


def test_the_shapes_that_are_kept_are_those_of_the_installed_sdk() -> None:
    kept = json.loads(Path(resource_schema.__file__).with_name("sdk_schemas.json").read_text())
    assert kept == json.loads(json.dumps(sdk_schemas.generate()))


@pytest.mark.parametrize("type", RESOURCE_TYPES)
def test_what_goes_where_in_a_request_is_an_input_of_the_sdk(type: str) -> None:
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
def test_a_missing_name_is_made_as_the_plugin_makes_it(stand_in: StandIn, case: str) -> None:
    type, inputs, key, pattern, marked = NAMES[case]
    checked, faults = stand_in.check(type, inputs)
    assert faults == []
    assert _matches(pattern, checked[key])
    assert ("__createBeforeDelete" in checked) is marked
    assert checked["azureApiVersion"] == RESOURCE_TYPES[type].version


def test_a_name_once_made_is_kept(stand_in: StandIn) -> None:
    old = {"resourceGroupName": "thing00000000", "__createBeforeDelete": True}
    checked, _ = stand_in.check("resources:ResourceGroup", {}, old)
    assert checked["resourceGroupName"] == "thing00000000"
    assert checked["__createBeforeDelete"] is True


MODES = {
    "the engine's name always": ("resources:ResourceGroup", "ENFORCE", "wanted"),
    "the engine's proposal": ("resources:ResourceGroup", "PROPOSE", "wanted"),
    "no proposal for a GUID": ("authorization:RoleAssignment", "PROPOSE", "[0-9a-f-]{36}"),
    "a GUID where it is enforced": ("authorization:RoleAssignment", "ENFORCE", "wanted"),
}


@pytest.mark.parametrize("case", MODES)
def test_the_engines_configured_names_win(stand_in: StandIn, case: str) -> None:
    type, mode, expected = MODES[case]
    options = provider_pb2.CheckRequest.AutonamingOptions
    wish = options(proposed_name="wanted", mode=options.Mode.Value(mode))
    checked, _ = stand_in.check(type, {}, autonaming=wish)
    assert _matches(expected, checked[RESOURCE_TYPES[type].name_input])
    assert checked["__createBeforeDelete"] is True


def test_names_can_be_switched_off(stand_in: StandIn) -> None:
    options = provider_pb2.CheckRequest.AutonamingOptions
    checked, _ = stand_in.check(
        "resources:ResourceGroup", {}, autonaming=options(mode=options.Mode.Value("DISABLE"))
    )
    assert "resourceGroupName" not in checked


LOCATIONS = {
    "its own": ({"location": "own"}, {}, "own"),
    "the old one": ({}, {"location": "old"}, "old"),
    "the configured one": ({}, {}, "westeurope"),
}


@pytest.mark.parametrize("case", LOCATIONS)
def test_a_missing_location_is_found(stand_in: StandIn, case: str) -> None:
    given, old, expected = LOCATIONS[case]
    assert stand_in.check("resources:ResourceGroup", given, old)[0]["location"] == expected


def test_pipelines_get_a_location_and_runs_do_not(stand_in: StandIn) -> None:
    assert stand_in.check(PIPELINE, {**REGISTRY, "target": TARGET})[0]["location"] == "westeurope"
    assert "location" not in stand_in.check("containerregistry:PipelineRun", REGISTRY)[0]


FAULTS: dict[str, tuple[str, Values, list[str]]] = {
    "nothing given": (
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
    "hyphen": (
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
    "text for a boolean": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "abc", "allowBlobPublicAccess": "yes"},
        ["'allowBlobPublicAccess' should be of type 'boolean' but got a string"],
    ),
    "text for a list": (
        PIPELINE,
        {**REGISTRY, "target": TARGET, "options": "OverwriteBlobs", "exportPipelineName": "export"},
        ["'options' should be of type 'array' but got a string"],
    ),
    "list for text": (
        "keyvault:Secret",
        {"resourceGroupName": "g", "vaultName": "v", "properties": {"value": ["x"]}},
        ["'properties.value' should be of type 'string' but got an array"],
    ),
    "number for an object": (
        PIPELINE,
        {**REGISTRY, "target": 3, "exportPipelineName": "export"},
        ["'target' should be of type 'object' but got a number"],
    ),
    "half a day": (
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
    "an access policy's inside is not looked at": (
        "keyvault:AccessPolicy",
        {"resourceGroupName": "g", "policy": {}},
        ["missing required property 'vaultName'"],
    ),
    "an enum is any text": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": "abc", "minimumTlsVersion": "TLS9"},
        [],
    ),
    "what is unknown passes": (
        "storage:StorageAccount",
        {**ACCOUNT, "accountName": UNKNOWN, "allowBlobPublicAccess": UNKNOWN, "sku": UNKNOWN},
        [],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_all_faults_are_named_in_the_plugins_words(stand_in: StandIn, case: str) -> None:
    type, inputs, expected = FAULTS[case]
    assert stand_in.check(type, inputs, name="exportPipeline")[1] == expected


def test_without_any_location_the_message_says_how_to_set_one(
    sandbox_environment: dict[str, str],
) -> None:
    with running(sandbox_environment, SOURCE) as bare:
        bare.configure(environment=SOURCE.name, subscriptionId=SOURCE.subscription)
        assert bare.check("resources:ResourceGroup", {})[1] == [LOCATION]
        inherited = {**ACCOUNT, "accountName": "abc", "resourceGroupName": "images"}
        del inherited["location"]
        assert bare.check("storage:StorageAccount", inherited)[0]["location"] == SOURCE.location
        nowhere = {**inherited, "resourceGroupName": "not-there"}
        assert bare.check("storage:StorageAccount", nowhere)[1] == [LOCATION]


BASE = {"resourceGroupName": "g", "accountName": "abc", "location": "West Europe", "tags": {"a": "1"}}
DIFFS: dict[str, tuple[str, Values, Values, dict[str, str], list[str]]] = {
    "nothing": ("storage:StorageAccount", BASE, BASE, {}, []),
    "case of a group": ("storage:StorageAccount", BASE, {**BASE, "resourceGroupName": "G"}, {}, []),
    "spelling of a location": ("storage:StorageAccount", BASE, {**BASE, "location": "westeurope"}, {}, []),
    "a location": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "location": "x"},
        {"location": "UPDATE_REPLACE"},
        ["location"],
    ),
    "a path": (
        "storage:StorageAccount",
        BASE,
        {**BASE, "accountName": "other"},
        {"accountName": "UPDATE_REPLACE"},
        ["accountName"],
    ),
    "a tag": ("storage:StorageAccount", BASE, {**BASE, "tags": {"a": "2"}}, {"tags.a": "UPDATE"}, []),
    "a tag less": ("storage:StorageAccount", BASE, {**BASE, "tags": {}}, {"tags.a": "DELETE"}, []),
    "an entry more": (
        PIPELINE,
        {"options": ["A"]},
        {"options": ["A", "B"]},
        {"options[1]": "ADD"},
        [],
    ),
    "an entry else": (PIPELINE, {"options": ["A"]}, {"options": ["B"]}, {"options[0]": "UPDATE"}, []),
    "case of an enum counts": (
        PIPELINE,
        {"identity": {"type": "SystemAssigned"}},
        {"identity": {"type": "systemAssigned"}},
        {"identity.type": "UPDATE"},
        [],
    ),
    "marks do not count": (PIPELINE, {"__createBeforeDelete": True}, {}, {}, []),
    "a run again": (
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
    "another holder of a policy": (
        "keyvault:AccessPolicy",
        {"policy": {"objectId": "a"}},
        {"policy": {"objectId": "b"}},
        {"policy.objectId": "UPDATE_REPLACE"},
        ["policy.objectId"],
    ),
    "a default that is written down": (
        "containerregistry:Registry",
        {"policies": {"exportPolicy": {}}},
        {"adminUserEnabled": False, "policies": {"exportPolicy": {"status": "enabled"}}},
        {},
        [],
    ),
}


@pytest.mark.parametrize("case", DIFFS)
def test_inputs_are_compared_as_the_plugin_compares_them(stand_in: StandIn, case: str) -> None:
    type, old, new, changed, replaces = DIFFS[case]
    answer = stand_in.diff(type, old, new)
    assert (answer.changed, answer.replaces) == (changed, replaces)
    assert answer.deletes_first is bool(replaces)


def test_what_has_a_made_up_name_is_replaced_before_it_is_deleted(stand_in: StandIn) -> None:
    old = {**BASE, "__createBeforeDelete": True}
    answer = stand_in.diff("storage:StorageAccount", old, {**BASE, "location": "x"})
    assert answer.replaces == ["location"]
    assert not answer.deletes_first


def test_an_input_that_says_what_is_so_already_replaces_nothing(stand_in: StandIn) -> None:
    old = {"resourceGroupName": "g", "accountName": "abc"}
    new, state = {**old, "isHnsEnabled": True}, {"isHnsEnabled": True}
    assert stand_in.diff("storage:StorageAccount", old, new, state).replaces == []
    assert stand_in.diff("storage:StorageAccount", old, new, {}).replaces == ["isHnsEnabled"]


def test_a_preview_knows_what_the_inputs_say_and_nothing_else(stand_in: StandIn) -> None:
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


NOT_KNOWN = {
    "type": lambda it: it.check("compute:VirtualMachine", {}),
    "function": lambda it: it.invoke("compute:getVirtualMachine", {}),
    "other function": lambda it: it.invoke("storage:regenerateEverything", {}),
}


@pytest.mark.parametrize("case", NOT_KNOWN)
def test_what_it_does_not_know_it_says(stand_in: StandIn, case: str) -> None:
    with pytest.raises(
        CallFailedError, match=r"stand-in for azure-native does not support the (type|function) azure"
    ):
        NOT_KNOWN[case](stand_in)


def test_a_package_whose_parameters_do_not_fit_its_name_is_refused(stand_in: StandIn) -> None:
    with pytest.raises(CallFailedError, match="invalid parameterization value"):
        stand_in.parameterize("azure-native_x_v20250101", b"not base64!")


def _matches(pattern: str, value: Any) -> bool:

    return bool(re.fullmatch(pattern, str(value)))


def test_the_documentation_names_every_type_and_function(checkout: Path) -> None:
    text = (checkout / "docs/provider-stand-in.md").read_text()
    rows = re.findall(r"^\| `(\w+:\w+)` \| (\S+) ", text, re.MULTILINE)
    assert dict(rows) == {
        **{type: kind.version for type, kind in RESOURCE_TYPES.items()},
        ACCESS_POLICY: "none",
    }
    assert [name for name in functions.NAMES if f"`{name}`" not in text] == []
