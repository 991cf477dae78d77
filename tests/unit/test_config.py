"""A stack's configuration is understood, or refused with every fault and what mends it."""

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

from stack.keys import SOURCE_ONLY, TARGET_ONLY, page
from stack.settings import DEFAULTS, ConfigError, Settings, Side
from tests.unit.test_lock import GOOD

ROOT = Path(__file__).parents[2]
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


def test_a_source_needs_no_more_than_what_only_its_owner_knows() -> None:
    loaded = load(SOURCE)
    assert loaded.side is Side.SOURCE
    assert (loaded.pipeline, loaded.container) == ("exportPipeline", "transfer")
    assert loaded.sas_secret_name == "acrexportsas"
    assert loaded.options == ("OverwriteBlobs",)
    assert loaded.force_update_tag == "1"


def test_a_target_needs_no_more_than_what_only_its_owner_knows() -> None:
    loaded = load(TARGET)
    assert (loaded.pipeline, loaded.sas_secret_name) == ("importPipeline", "acrimportsas")
    assert loaded.options == ("OverwriteTags", "DeleteSourceBlobOnSuccess")


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
        ({"registry": "contoso.example"}, "its name, not its host"),
        ({"registryResourceGroup": ""}, "the group that the registry is in already"),
        ({"registryResourceGroup": "ACR-transfer"}, "the group that the registry is in already"),
        ({"container": "Upper"}, "lower case"),
        ({"container": "a--b"}, "single hyphens"),
        ({"container": "ab"}, "3 to 63"),
        ({"container": "a" * 64}, "3 to 63"),
        ({"sasSecretName": "under_score"}, "1 to 127 letters, digits and hyphens"),
        ({"pipeline": "four"}, "5 to 50 letters and digits"),
        ({"pipeline": "x" * 51}, "5 to 50 letters and digits"),
        ({"pipeline": "my-pipeline"}, "5 to 50 letters and digits"),
        ({"sasExpiry": ""}, "acr-transfer:sasExpiry is missing"),
        ({"sasExpiry": "tomorrow"}, "expected a time with its zone, such as"),
        ({"sasExpiry": "2026-12-01T00:00:00"}, "a time with its zone"),
        ({"sasExpiry": "2026-12-01"}, "a time with its zone"),
        ({"sasExpiry": "2026-11-24T12:00:00Z"}, "a time to come"),
        ({"sasExpiry": "2026-11-24T13:30:00+02:00"}, "a time to come"),
        ({"sasExpiry": "0001-01-01T00:00:00+01:00"}, "expected a time with its zone, such as"),
        ({"artifacts": []}, "acr-transfer:artifacts[0] is missing; expected at least one"),
        ({"artifacts": "app:1"}, "expected a list"),
        ({"artifacts": ["app:1", "App:2"]}, "acr-transfer:artifacts[1] is 'App:2', which has upper case"),
        ({"artifacts": ["app:1", 1.5]}, "acr-transfer:artifacts[1] is 1.5; expected text"),
        ({"artifacts": ["app@sha256:abc"]}, "a digest of 3 characters"),
        ({"artifacts": ["app", "lib:1", "app:latest"]}, "it names the same as [0]"),
        ({"artifacts": ["contososource.example/app:1"]}, "names a registry"),
        ({"options": ["OverwriteTags"]}, "OverwriteBlobs, ContinueOnErrors for source"),
        ({"options": ["OverwriteBlobs", "OverwriteBlobs"]}, "it names the same as [0]"),
        ({"blobPrefix": "/images"}, "no '/' or '.' at the beginning"),
        ({"blobPrefix": "a//b"}, "no '/' or '.' at the beginning"),
        ({"blobPrefix": "dot./x"}, "no '.' at the end of one"),
        ({"blobPrefix": "what?"}, "letters, digits"),
        ({"blobPrefix": "x" * 901}, "at most 900"),
        ({"source": "other"}, "a source side has no such key"),
        ({"sourceTriggerStatus": "Disabled"}, "a source side has no such key"),
    ],
)
def test_a_fault_of_a_source_is_named_with_what_was_expected(change: dict[str, Any], words: str) -> None:
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
            "DeleteSourceBlobOnSuccess, ContinueOnErrors for target",
        ),
        ({"artifacts": ["app:1"]}, "a target side has no such key"),
        ({"blobPrefix": "x"}, "a target side has no such key"),
    ],
)
def test_a_fault_of_a_target_is_named_with_what_was_expected(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**TARGET, **change})
    assert words in fault


def test_all_faults_are_in_one_message() -> None:
    found = faults(
        {**SOURCE, "registry": "no", "pipeline": "no", "sasExpiry": "never", "artifacts": ["A", "B"]}
    )
    assert len(found) == 5


def test_entries_that_are_there_twice_are_removed_from_the_last_one_so_that_no_index_moves() -> None:
    found = faults({**SOURCE, "artifacts": ["app", "app:latest", "A", "app:latest"]})
    assert [fault.rpartition("artifacts[")[2][0] for fault in found] == ["2", "3", "1"]


def test_nothing_at_all_is_refused_too() -> None:
    assert len(faults({})) >= 4


@pytest.mark.parametrize("prefix", ["", "nightly/", "a/b-c/d.", "v1.2/", "x_y"])
def test_a_usable_prefix_is_taken(prefix: str) -> None:
    assert load({**SOURCE, "blobPrefix": prefix}).blob_prefix == prefix


def test_an_expiry_is_read_in_utc_and_to_the_second() -> None:
    assert load({**SOURCE, "sasExpiry": "2026-12-01T02:30:00.9+02:30"}).sas_expiry == "2026-12-01T00:00:00Z"


def test_no_option_at_all_can_be_wanted() -> None:
    assert load({**TARGET, "options": ["None"]}).options == ()


def test_a_group_that_is_there_may_hold_the_registry_too() -> None:
    loaded = load({**SOURCE, "createResourceGroup": False, "registryResourceGroup": ""})
    assert loaded.registry_resource_group == "acr-transfer"


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
        ({"storageAccount": ACCOUNT, "createStorageAccount": True}, "false, or no storageAccount"),
        ({"createStorageAccount": False}, "storageAccount is missing; expected one that is there already"),
        ({"createStorageAccount": "perhaps"}, "expected true or false"),
        ({"createContainer": False}, "holds no container yet"),
        ({"storageAccount": ACCOUNT, "blobRetentionDays": 7}, "changes no account that is there already"),
        ({"blobRetentionDays": 0}, "a whole number from 1 to 3650"),
        ({"vault": "x"}, "3 to 24 letters, digits and single hyphens"),
        ({"vault": "a--b"}, "single hyphens"),
        ({"vault": ACCOUNT}, "not of a Microsoft.Storage/storageAccounts"),
        ({"vault": VAULT, "createVault": True}, "false, or no vault"),
        ({"createVault": False}, "vault is missing; expected one that is there already"),
        ({"vault": VAULT, "purgeProtection": False}, "changes no vault that is there already"),
        ({"vaultAccess": "acl"}, "expected accessPolicy or rbac"),
        ({"purgeProtection": "on"}, "expected true or false"),
        ({"protect": "on"}, "expected true or false"),
        ({"sasKey": "key3"}, "expected key1 or key2"),
        ({"sasWarning": 100}, "a whole number from 0 to 99"),
        ({"sasWarning": "ten"}, "a whole number from 0 to 99"),
        ({"maxConcurrentRuns": 0}, "a whole number from 1 to 1000"),
        ({"identity": "mover"}, "system, create, or the resource ID of a user-assigned identity"),
        ({"identity": VAULT}, "not of a Microsoft.KeyVault/vaults"),
        ({**MANAGED, "vault": VAULT}, "there is no token and no vault"),
        ({**MANAGED, "createVault": True}, "there is no token and no vault"),
        ({**MANAGED, "vaultAccess": "rbac"}, "there is no token and no vault"),
        ({**MANAGED, "purgeProtection": False}, "there is no token and no vault"),
        ({**MANAGED, "sasExpiry": "2026-12-01T00:00:00Z"}, "there is no token and no vault"),
        ({**MANAGED, "sasKey": "key2"}, "there is no token and no vault"),
        ({**MANAGED, "sasSecretName": "mine"}, "there is no token and no vault"),
        ({**MANAGED, "sasWarning": 5}, "there is no token and no vault"),
        ({"options": ["DeleteSourceBlobOnSuccess"]}, "OverwriteBlobs, ContinueOnErrors for source"),
        ({"options": ["None", "OverwriteBlobs"]}, "or None alone"),
        ({"artifactsFile": "list.txt"}, "artifacts says already what is transferred"),
        ({"lock": "transfer.lock.json"}, "artifacts says already what is transferred"),
        ({"artifacts": [], "artifactsFile": "no.txt"}, "the path of a file that is there"),
        ({"artifacts": [], "lock": "no.json"}, "acr-transfer:lock: The lock no.json is not there"),
        ({"handover": "handover.json"}, "a source side has no such key"),
        ({"createVualt": True}, "no key of this program; was acr-transfer:createVault meant?"),
    ],
)
def test_a_contradiction_or_a_fault_of_a_newer_key_is_named_once(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**SOURCE, **change})
    assert words in fault
    assert "-s mine" in fault or "acr-transfer plan" in fault


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "", "handover": "no.json"}, "acr-transfer:handover: The hand-over no.json is not there"),
        ({"handover": "no.json"}, "source says already where the hand-over is"),
        ({"source": ""}, "or handover, a file, instead"),
        ({"lock": "x.json"}, "a target side has no such key"),
        ({"artifactsFile": "x.txt"}, "a target side has no such key"),
    ],
)
def test_a_target_has_one_hand_over_and_no_content_of_its_own(change: dict[str, Any], words: str) -> None:
    (fault,) = faults({**TARGET, **change})
    assert words in fault


def test_a_resource_of_another_subscription_than_the_stacks_is_refused() -> None:
    found = loaded_with_cloud({**SOURCE, "storageAccount": ACCOUNT, "vault": VAULT}, "s-9")
    assert [fault.count("one in this stack's subscription, s-9") for fault in found] == [1, 1]
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


def test_by_identity_a_stack_needs_no_expiry_and_has_no_vault() -> None:
    loaded = load({**SOURCE, **MANAGED, "identity": IDENTITY})
    assert (loaded.sas_expiry, loaded.vault, loaded.identity) == ("", "", IDENTITY)


def test_a_registry_that_the_stack_makes_may_be_in_the_group_that_it_makes() -> None:
    loaded = load({**SOURCE, "createRegistry": True, "registryResourceGroup": ""})
    assert loaded.registry_resource_group == "acr-transfer"


def test_what_is_there_is_taken_by_name_or_by_resource_id() -> None:
    for account, vault in ((ACCOUNT, VAULT), ("contosodata", "contoso-vault")):
        loaded = load({**SOURCE, "storageAccount": account, "vault": vault, "createContainer": False})
        assert (loaded.storage_account, loaded.vault) == (account, vault)


def test_artifacts_come_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# ours\napp:1\nlib  # the newest\n")
    loaded = load({**SOURCE, "artifacts": [], "artifactsFile": str(path)})
    assert [each.reference for each in loaded.artifacts] == ["app:1", "lib:latest"]


def test_every_fault_of_a_file_is_in_the_one_message(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("App:1\napp:1\napp:1\n")
    found = faults({**SOURCE, "artifacts": [], "artifactsFile": str(path), "pipeline": "no"})
    assert len(found) == 2
    assert any("line 1" in fault and "line 3" in fault for fault in found)


keys = st.sampled_from([*DEFAULTS, "unknown"])
words = st.text("aZ09:/@.-_ +?\n\u00e9\u0665", max_size=20)
odd = st.one_of(words, st.lists(st.one_of(words, st.integers()), max_size=4))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, odd, max_size=8), st.sampled_from([SOURCE, TARGET, {}]))
def test_any_configuration_is_understood_or_refused_and_never_crashes(
    change: dict[str, Any], base: dict[str, Any]
) -> None:
    loaded = loaded_or_refused({**base, **change})
    assert loaded is None or (loaded.registry and loaded.resource_group)


def loaded_or_refused(values: dict[str, Any]) -> Settings | None:
    try:
        return load(values)
    except ConfigError:
        return None


def test_pulumi_yaml_declares_every_key_with_its_default_and_what_it_means() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert {key: each["default"] for key, each in declared.items()} == DEFAULTS
    assert all(each["type"] and each["description"] for each in declared.values())


def test_the_page_of_the_docs_is_written_from_pulumi_yaml() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert (ROOT / "docs" / "configuration.md").read_text() == page(declared)


def test_every_key_of_one_side_is_a_key() -> None:
    assert {*SOURCE_ONLY, *TARGET_ONLY} <= DEFAULTS.keys()


@pytest.mark.parametrize("stack", ["source", "target"])
def test_the_sandboxs_stacks_are_well_configured(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "transfer.lock.json").write_text(json.dumps(GOOD))  # `plan` writes one into the checkout
    monkeypatch.chdir(tmp_path)
    found = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {key.split(":")[1]: each for key, each in found.items() if key.startswith("acr-transfer:")}
    assert load(own).side == stack
