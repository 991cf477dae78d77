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

from config import DEFAULTS, ConfigError, Settings, Side

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
        ({"sasExpiry": "tomorrow"}, "expected a time such as"),
        ({"sasExpiry": "2026-12-01T00:00:00"}, "with its zone"),
        ({"sasExpiry": "2026-12-01"}, "with its zone"),
        ({"sasExpiry": "2026-11-24T12:00:00Z"}, "a time to come"),
        ({"sasExpiry": "2026-11-24T13:30:00+02:00"}, "a time to come"),
        ({"sasExpiry": "0001-01-01T00:00:00+01:00"}, "expected a time such as"),
        ({"artifacts": []}, "acr-transfer:artifacts[0] is missing; expected at least one"),
        ({"artifacts": "app:1"}, "expected a list"),
        ({"artifacts": ["app:1", "App:2"]}, "acr-transfer:artifacts[1] is 'App:2' has upper case"),
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


@pytest.mark.parametrize("stack", ["source", "target"])
def test_the_sandboxs_stacks_are_well_configured(stack: str) -> None:
    found = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {key.split(":")[1]: each for key, each in found.items() if key.startswith("acr-transfer:")}
    assert load(own).side == stack
