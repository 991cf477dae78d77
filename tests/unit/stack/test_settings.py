"""A stack's configuration becomes the arguments of its side, or one message with every fault and its fix."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acr_transfer.model.documents.lock import Lock
from components import SourceSideArgs, TargetSideArgs
from stack.config_reader import ConfigError
from stack.keys import BY_NAME, KEYS, page, project_file
from stack.settings import Settings, Side

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOURCE = {
    "side": "source",
    "resourceGroup": "acr-transfer",
    "registry": "contososource",
    "registryResourceGroup": "images",
    "sasExpiry": "2026-12-01T00:00:00Z",
    "artifacts": ["app:1"],
}
TARGET = {
    "side": "target",
    "resourceGroup": "acr-transfer",
    "registry": "contosotarget",
    "registryResourceGroup": "images",
    "sasExpiry": "2026-12-01T00:00:00Z",
    "source": "source",
}


def load(values: dict[str, Any]) -> Settings:
    texts = {
        f"acr-transfer:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    pulumi.runtime.set_all_config(texts)
    return Settings.load(pulumi.Config("acr-transfer"), "mine", NOW)


def faults(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(values)
    return raised.value.faults


def test_a_configuration_becomes_the_arguments_that_it_sets_and_no_defaults() -> None:
    loaded = load({**SOURCE, "container": "transfer", "protect": "false", "blobRetentionDays": "60"})
    assert loaded.side is Side.SOURCE
    assert loaded.args == {
        "resource_group": "acr-transfer",
        "registry": "contososource",
        "registry_resource_group": "images",
        "sas_expiry": "2026-12-01T00:00:00Z",
        "artifacts": ["app:1"],
    }


def test_a_target_has_the_same_arguments_and_its_source() -> None:
    loaded = load(TARGET)
    assert (loaded.source, loaded.handover) == ("source", None)
    assert set(loaded.args) == {"resource_group", "registry", "registry_resource_group", "sas_expiry"}


def test_values_have_the_types_of_the_arguments() -> None:
    texts = {"createRegistry": "true", "blobRetentionDays": "7", "vaultAccess": "rbac", "tags": {"a": "b"}}
    loaded = load({**SOURCE, **texts})
    found = {name: loaded.args[name] for name in ("create_registry", "blob_retention_days", "tags")}
    assert found == {"create_registry": True, "blob_retention_days": 7, "tags": {"a": "b"}}
    assert loaded.args["vault_access"] == "rbac"


def test_every_key_of_a_component_is_an_argument_with_the_same_name() -> None:
    keys = {side: {key.argument for key in KEYS if key.side in ("both", side)} for side in Side}
    arguments = {
        Side.SOURCE: set(SourceSideArgs.__annotations__),
        Side.TARGET: set(TargetSideArgs.__annotations__),
    }
    assert keys[Side.SOURCE] - arguments[Side.SOURCE] == {"side", "artifacts_file"}
    assert keys[Side.TARGET] - arguments[Side.TARGET] == {"side", "source", "handover"}
    assert arguments[Side.SOURCE] - keys[Side.SOURCE] == set()
    assert arguments[Side.TARGET] - keys[Side.TARGET] == {"blobs", "blob_changes"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": "middle"}, "acr-transfer:side is 'middle'; expected source or target"),
        ({"side": ""}, "acr-transfer:side is missing"),
        ({"resourceGroup": ""}, "acr-transfer:resourceGroup is missing"),
        ({"resourceGroup": "ends."}, "no '.' at the end"),
        ({"createResourceGroup": "maybe"}, "expected true or false"),
        ({"registry": ""}, "acr-transfer:registry is missing"),
        ({"registry": "a-b-c"}, "5 to 50 letters and digits"),
        ({"registry": "contoso.example"}, "5 to 50 letters and digits: the name, not the host"),
        ({"registryResourceGroup": ""}, "the registry's existing group, not the one to be created"),
        (
            {"registryResourceGroup": "ACR-transfer"},
            "the registry's existing group, not the one to be created",
        ),
        ({"container": "Upper"}, "lower case"),
        ({"container": "a--b"}, "single hyphens"),
        ({"container": "ab"}, "3 to 63"),
        ({"container": "a" * 64}, "3 to 63"),
        ({"sasSecretName": "under_score"}, "1 to 127 letters, digits and hyphens"),
        ({"pipeline": "four"}, "5 to 50 letters and digits"),
        ({"pipeline": "x" * 51}, "5 to 50 letters and digits"),
        ({"pipeline": "my-pipeline"}, "5 to 50 letters and digits"),
        ({"sasExpiry": ""}, "acr-transfer:sasExpiry is missing"),
        ({"sasExpiry": "tomorrow"}, "expected a time with its time zone, such as"),
        ({"sasExpiry": "2026-12-01T00:00:00"}, "a time with its time zone"),
        ({"sasExpiry": "2026-12-01"}, "a time with its time zone"),
        ({"sasExpiry": "2026-11-24T12:00:00Z"}, "a time in the future"),
        ({"sasExpiry": "2026-11-24T13:30:00+02:00"}, "a time in the future"),
        ({"sasExpiry": "0001-01-01T00:00:00+01:00"}, "expected a time with its time zone, such as"),
        ({"artifacts": []}, "acr-transfer:artifacts[0] is missing; expected at least one"),
        ({"artifacts": "app:1"}, "expected a list"),
        ({"artifacts": ["app:1", "App:2"]}, "acr-transfer:artifacts[1] is 'App:2', which has upper case"),
        ({"artifacts": ["app:1", 1.5]}, "acr-transfer:artifacts[1] is 1.5; expected text"),
        ({"artifacts": ["app@sha256:abc"]}, "a digest of 3 characters"),
        ({"artifacts": ["app", "lib:1", "app:latest"]}, "expected each item once: it repeats [0]"),
        ({"artifacts": ["contososource.example/app:1"]}, "begins with a registry's host"),
        ({"options": ["OverwriteTags"]}, "OverwriteBlobs, ContinueOnErrors for an export"),
        ({"options": ["OverwriteBlobs", "OverwriteBlobs"]}, "expected each item once: it repeats [0]"),
        ({"blobPrefix": "/images"}, "no '/' or '.' at the beginning"),
        ({"blobPrefix": "a//b"}, "no '/' or '.' at the beginning"),
        ({"blobPrefix": "dot./x"}, "no '.' at the end of one"),
        ({"blobPrefix": "what?"}, "letters, digits"),
        ({"blobPrefix": "x" * 901}, "at most 900"),
        ({"source": "other"}, "a source side does not have this key"),
        ({"sourceTriggerStatus": "Disabled"}, "a source side does not have this key"),
    ],
)
def test_a_fault_of_a_source_is_reported_with_the_expectation_and_a_command(
    change: dict[str, Any], words: str
) -> None:
    (fault,) = faults({**SOURCE, **change})
    assert words in fault
    assert "pulumi config " in fault
    assert fault.endswith("-s mine")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": ""}, "acr-transfer:source is missing; expected the source side's stack"),
        ({"source": "a/b/c/d"}, "the source side's stack"),
        ({"source": "mine"}, "another stack than this one"),
        ({"sourceTriggerStatus": "On"}, "expected Enabled or Disabled"),
        (
            {"options": ["OverwriteBlobs"]},
            "DeleteSourceBlobOnSuccess, ContinueOnErrors for an import",
        ),
        ({"artifacts": ["app:1"]}, "a target side does not have this key"),
        ({"blobPrefix": "x"}, "a target side does not have this key"),
    ],
)
def test_a_fault_of_a_target_is_reported_with_the_expectation(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**TARGET, **change})
    assert words in fault


def test_all_faults_are_in_one_message() -> None:
    found = faults(
        {**SOURCE, "registry": "no", "pipeline": "no", "sasExpiry": "never", "artifacts": ["A", "B"]}
    )
    assert len(found) == 5


def test_repeated_items_are_removed_from_the_last_one_so_that_no_index_moves() -> None:
    found = faults({**SOURCE, "artifacts": ["app", "app:latest", "A", "app:latest"]})
    assert [fault.rpartition("artifacts[")[2][0] for fault in found] == ["2", "3", "1"]


def test_an_empty_configuration_is_an_error() -> None:
    assert len(faults({})) >= 4


@pytest.mark.parametrize("prefix", ["", "nightly/", "a/b-c/d.", "v1.2/", "x_y"])
def test_a_valid_prefix_is_accepted(prefix: str) -> None:
    assert load({**SOURCE, "blobPrefix": prefix}).args.get("blob_prefix", "") == prefix


def test_a_pipeline_can_have_no_options() -> None:
    assert load({**TARGET, "options": ["None"]}).args["options"] == []


def test_an_existing_group_can_hold_the_registry_too() -> None:
    load({**SOURCE, "createResourceGroup": False, "registryResourceGroup": ""})


ACCOUNT = "/subscriptions/s-1/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/contosodata"
VAULT = "/subscriptions/s-1/resourceGroups/data/providers/Microsoft.KeyVault/vaults/contoso-vault"
_PEOPLE = "/subscriptions/s-2/resourcegroups/people/providers"
IDENTITY = f"{_PEOPLE}/Microsoft.ManagedIdentity/userAssignedIdentities/mover"
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"storageAccess": "Magic"}, "expected SasToken or ManagedIdentity"),
        ({"location": "west-europe!"}, "a region's name"),
        ({"storageAccount": "Contoso"}, "3 to 24 lower case letters and digits"),
        ({"storageAccount": VAULT}, "not of a Microsoft.KeyVault/vaults"),
        (
            {"storageAccount": ACCOUNT, "newStorageAccountName": "mine"},
            "an existing storage account is never",
        ),
        ({"newStorageAccountName": "my-account"}, "3 to 24 lower case letters and digits"),
        (
            {"createStorageAccount": True},
            "was removed: the stack creates a storage account unless storageAcc",
        ),
        ({"createStorageAccount": False}, "pulumi config rm acr-transfer:createStorageAccount -s mine"),
        ({"createContainer": False}, "a new storage account has no container yet"),
        ({"storageAccount": ACCOUNT, "blobRetentionDays": 7}, "an existing storage account is never changed"),
        ({"tags": "owner"}, "expected a map of text"),
        ({"tags": {"owner": 1}}, "expected a map of text"),
        ({"blobRetentionDays": 0}, "a whole number from 1 to 3650"),
        ({"vault": "x"}, "3 to 24 letters, digits and single hyphens"),
        ({"vault": "a--b"}, "single hyphens"),
        ({"vault": ACCOUNT}, "not of a Microsoft.Storage/storageAccounts"),
        ({"vault": VAULT, "newVaultName": "mine"}, "an existing vault is never changed"),
        ({"newVaultName": "1st"}, "3 to 24 letters, digits and single hyphens"),
        ({"createVault": True}, "was removed: the stack creates a vault unless vault is set"),
        ({"vault": VAULT, "purgeProtection": False}, "an existing vault is never changed"),
        ({"vaultAccess": "acl"}, "expected accessPolicy or rbac"),
        ({"purgeProtection": "on"}, "expected true or false"),
        ({"protect": "on"}, "expected true or false"),
        ({"sasKey": "key3"}, "expected key1 or key2"),
        ({"sasWarning": 100}, "a whole number from 0 to 99"),
        ({"sasWarning": "ten"}, "a whole number from 0 to 99"),
        ({"maxConcurrentRuns": 0}, "a whole number from 1 to 1000"),
        ({"identity": "mover"}, "expected the resource ID of a user-assigned identity"),
        ({"identity": "system"}, "pulumi config rm acr-transfer:identity -s mine"),
        (
            {"identity": "create"},
            "pulumi config rm acr-transfer:identity -s mine\n"
            "      pulumi config set acr-transfer:createIdentity true -s mine",
        ),
        ({"identity": IDENTITY, "createIdentity": True}, "expected false, or no identity"),
        ({"createIdentity": "maybe"}, "expected true or false"),
        ({"identity": VAULT}, "not of a Microsoft.KeyVault/vaults"),
        ({**MANAGED, "vault": VAULT}, "ManagedIdentity uses neither a token nor a vault"),
        ({**MANAGED, "newVaultName": "mine"}, "ManagedIdentity uses neither a token nor a vault"),
        ({**MANAGED, "vaultAccess": "rbac"}, "ManagedIdentity uses neither a token nor a vault"),
        ({**MANAGED, "purgeProtection": False}, "ManagedIdentity uses neither a token nor a vault"),
        (
            {**MANAGED, "sasExpiry": "2026-12-01T00:00:00Z"},
            "ManagedIdentity uses neither a token nor a vault",
        ),
        ({**MANAGED, "sasKey": "key2"}, "ManagedIdentity uses neither a token nor a vault"),
        ({**MANAGED, "sasSecretName": "mine"}, "ManagedIdentity uses neither a token nor a vault"),
        ({**MANAGED, "sasWarning": 5}, "ManagedIdentity uses neither a token nor a vault"),
        ({"options": ["DeleteSourceBlobOnSuccess"]}, "OverwriteBlobs, ContinueOnErrors for an export"),
        ({"options": ["None", "OverwriteBlobs"]}, "ContinueOnErrors for an export, or None alone"),
        ({"artifactsFile": "list.txt"}, "artifacts lists the artifacts already"),
        ({"lock": "transfer.lock.json"}, "artifacts lists the artifacts already"),
        (
            {"artifacts": [], "artifactsFile": "no.txt"},
            "acr-transfer:artifactsFile: The list of artifacts no.txt cannot be read",
        ),
        ({"artifacts": [], "lock": "no.json"}, "acr-transfer:lock: The lock no.json cannot be read"),
        ({"handover": "handover.json"}, "a source side does not have this key"),
        ({"purgeProtecton": True}, "not a key of this program; did you mean acr-transfer:purgeProtection?"),
    ],
)
def test_a_contradiction_is_reported_once(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**SOURCE, **change})
    assert words in fault
    assert "-s mine" in fault or "acr-transfer plan" in fault or "cannot be read" in fault


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"source": "", "handover": "no.json"},
            "acr-transfer:handover: The hand-over no.json cannot be read",
        ),
        ({"handover": "no.json"}, "source names the stack with the hand-over already"),
        ({"source": ""}, "or handover, a file, instead"),
        ({"lock": "x.json"}, "a target side does not have this key"),
        ({"artifactsFile": "x.txt"}, "a target side does not have this key"),
    ],
)
def test_a_target_has_one_hand_over_and_no_artifacts(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**TARGET, **change})
    assert words in fault


def test_a_resource_of_another_subscription_is_an_error() -> None:
    found = loaded_with_cloud({**SOURCE, "storageAccount": ACCOUNT, "vault": VAULT}, "s-9")
    assert [fault.count("a resource in this stack's subscription, s-9") for fault in found] == [1, 1]
    assert loaded_with_cloud({**SOURCE, "storageAccount": ACCOUNT, "vault": VAULT}, "S-1") == []


def loaded_with_cloud(values: dict[str, Any], subscription: str) -> list[str]:
    texts = {
        f"acr-transfer:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    pulumi.runtime.set_all_config({**texts, "azure-native:subscriptionId": subscription})
    try:
        Settings.load(pulumi.Config("acr-transfer"), "mine", NOW)
    except ConfigError as error:
        return error.faults
    return []


def test_with_managed_identity_a_stack_needs_no_expiry() -> None:
    args = load({**SOURCE, **MANAGED, "identity": IDENTITY}).args
    assert (args["storage_access"], args["identity"]) == ("ManagedIdentity", IDENTITY)


def test_a_new_registry_can_be_in_the_new_group() -> None:
    load({**SOURCE, "createRegistry": True, "registryResourceGroup": ""})


def test_existing_resources_are_given_by_name_or_by_resource_id() -> None:
    for account, vault in ((ACCOUNT, VAULT), ("contosodata", "contoso-vault")):
        args = load({**SOURCE, "storageAccount": account, "vault": vault, "createContainer": False}).args
        assert (args["storage_account"], args["vault"]) == (account, vault)


def test_artifacts_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# ours\napp:1\nlib  # the newest\n")
    loaded = load({**SOURCE, "artifacts": [], "artifactsFile": str(path)})
    assert loaded.args["artifacts"] == ["app:1", "lib:latest"]


def test_every_fault_of_a_file_is_in_the_one_message(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("App:1\napp:1\napp:1\n")
    found = faults({**SOURCE, "artifacts": [], "artifactsFile": str(path), "pipeline": "no"})
    assert len(found) == 2
    assert any("line 1" in fault and "line 3" in fault for fault in found)


keys = st.sampled_from([*BY_NAME, "unknown"])
words = st.text("aZ09:/@.-_ +?\n\u00e9\u0665", max_size=20)
odd = st.one_of(words, st.lists(st.one_of(words, st.integers()), max_size=4))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, odd, max_size=8), st.sampled_from([SOURCE, TARGET, {}]))
def test_any_configuration_is_loaded_or_refused_and_never_crashes(
    change: dict[str, Any], base: dict[str, Any]
) -> None:
    loaded = loaded_or_refused({**base, **change})
    assert loaded is None or (loaded.args["registry"] and loaded.args["resource_group"])


def loaded_or_refused(values: dict[str, Any]) -> Settings | None:
    try:
        return load(values)
    except ConfigError:
        return None


def test_pulumi_yaml_is_generated_from_the_table_of_keys() -> None:
    text = (ROOT / "Pulumi.yaml").read_text()
    assert text == project_file(text)
    declared = yaml.safe_load(text)["config"]
    assert {name: each["default"] for name, each in declared.items()} == {
        key.name: key.default for key in KEYS
    }
    assert all(each["type"] and each["description"] for each in declared.values())


def test_the_page_of_the_docs_is_generated_from_the_table_of_keys() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == page()


@pytest.mark.parametrize("stack", ["source", "target"])
def test_the_sandboxs_stacks_are_configured_correctly(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lock.of("images.example", []).write(tmp_path / "transfer.lock.json")  # as `acr-transfer plan` does
    monkeypatch.chdir(tmp_path)
    found = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {key.split(":")[1]: each for key, each in found.items() if key.startswith("acr-transfer:")}
    assert load(own).side == stack


def test_a_message_shows_no_credential_and_no_huge_value() -> None:
    secrets = {
        "container": "?sv=1&sig=c2VjcmV0",
        "registry": "https://me:secret@contoso",
        "tags": ["a?sig=secret"],
    }
    found = faults({**SOURCE, **secrets, "pipeline": "x" * 100_000, "\x1b[2J::key": "1"})
    text = "\n".join(found)
    assert len(found) == 5
    assert "secret" not in text
    assert "c2VjcmV0" not in text
    assert "\x1b" not in text
    assert len(text) < 3000


def test_a_message_lists_at_most_fifty_faults() -> None:
    with pytest.raises(ConfigError) as raised:
        load({**SOURCE, "artifacts": [f"app@{number}" for number in range(2000)]})
    assert len(raised.value.faults) == 2000
    text = str(raised.value)
    assert "has 2000 faults" in text
    assert text.endswith("  and 1950 more")


@pytest.mark.parametrize(
    "value", ["?sv=1&sig=" + "c2VjcmV0" * 6, "https://me:c2VjcmV0@a/lock.json", "AGE-SECRET-KEY-1C2VJCMV0"]
)
@pytest.mark.parametrize("name", ["lock", "artifactsFile", "handover"])
def test_a_secret_in_place_of_a_file_is_not_shown(name: str, value: str) -> None:
    valid = TARGET if name == "handover" else SOURCE
    rest = {key: each for key, each in valid.items() if key not in ("artifacts", "source")}
    (found,) = faults({**rest, name: value})
    assert f"acr-transfer:{name} is " in found
    assert "expected the path of a file" in found
    assert "c2vjcmv0" not in found.lower()
