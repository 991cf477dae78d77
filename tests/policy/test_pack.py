"""The pack as a process: its answers to the engine, and its remediations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel

from policy.framework.rule import ResourceRule
from policy.rules.catalogue import ALL
from tests.policy.pack import SECRET_MARK, configure, info, secret, served, struct
from tests.policy.tables import UNKNOWN

ACCOUNT = "azure-native:storage:StorageAccount"
URN = f"urn:pulumi:source::acr-transfer::{ACCOUNT}::account"
CANARY = "?sv=2025-01-05&sig=Q2FuYXJ5IHRoYXQgbXVzdCBub3QgYmUgc2VlbiBhbnl3aGVyZSE"
REMEDIED = [rule for rule in ALL if isinstance(rule, ResourceRule) and rule.remedy]


@pytest.fixture(scope="module")
def pack(checkout: Path) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    with served(checkout / "policy") as pack:
        yield pack


def analyzed(pack: analyzer_pb2_grpc.AnalyzerStub, **props: Any) -> list[analyzer_pb2.AnalyzeDiagnostic]:
    request = analyzer_pb2.AnalyzeRequest(type=ACCOUNT, name="account", urn=URN, properties=struct(props))
    return list(pack.Analyze(request).diagnostics)


def remedied(pack: analyzer_pb2_grpc.AnalyzerStub, **props: Any) -> list[Mapping[str, Any]]:
    request = analyzer_pb2.AnalyzeRequest(type=ACCOUNT, name="account", urn=URN, properties=struct(props))
    return [json_format.MessageToDict(each.properties) for each in pack.Remediate(request).remediations]


def test_every_policy_has_a_unique_name_and_complete_metadata(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    policies = info(pack).policies
    names = [each.name for each in policies]
    assert len(names) == len(set(names)) == len(ALL) + 2
    for each in policies:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", each.name)
        assert each.severity
        assert each.url.startswith("https://")
        assert each.remediation_steps
        assert each.framework.reference
        assert each.tags
        assert each.description.endswith(".")


def schemas_of(pack: analyzer_pb2_grpc.AnalyzerStub) -> dict[str, dict[str, Any]]:
    return {
        each.name: json_format.MessageToDict(each.configSchema.properties) for each in info(pack).policies
    }


def test_the_defaults_in_the_schema_are_those_of_the_rules(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    schemas = schemas_of(pack)
    for rule in ALL:
        defaults = rule.configured({})
        assert schemas[rule.name].keys() == {*(each.name for each in rule.settings), "waivers"}
        for setting in rule.settings:
            said = schemas[rule.name][setting.name]
            default = defaults[setting.name]
            assert said["default"] == (list(default) if said["type"] == "array" else default)
            assert said.get("minimum") == (0 if said["type"] in ("integer", "number") else None)
            jsonschema.validate(said["default"], said)


@pytest.mark.parametrize("file", ["baseline", "sandbox", "strict"])
def test_a_profile_names_existing_rules_and_settings(
    pack: analyzer_pb2_grpc.AnalyzerStub, checkout: Path, file: str
) -> None:
    schemas = schemas_of(pack)
    level = {"enum": ["advisory", "mandatory", "disabled"]}
    for name, given in json.loads((checkout / "policy" / "profiles" / f"{file}.json").read_text()).items():
        settings = given if isinstance(given, dict) else {"enforcementLevel": given}
        known = {**schemas[name], "enforcementLevel": level}
        jsonschema.validate(settings, {"properties": known, "additionalProperties": False})


def test_the_strict_profile_makes_every_rule_mandatory(checkout: Path) -> None:
    strict = json.loads((checkout / "policy" / "profiles" / "strict.json").read_text())
    levels = {
        name: given if isinstance(given, str) else given["enforcementLevel"] for name, given in strict.items()
    }
    advice = {rule.name for rule in ALL if rule.level is not EnforcementLevel.MANDATORY}
    assert levels == dict.fromkeys(advice, "mandatory")


@pytest.mark.parametrize("rule", REMEDIED, ids=lambda rule: str(rule.name))
def test_a_remedy_corrects_the_violation_only_at_the_level_remediate(
    pack: analyzer_pb2_grpc.AnalyzerStub, rule: ResourceRule
) -> None:
    remedy = dict(rule.remedy or {})
    wrong = {key: not value if isinstance(value, bool) else "wrong" for key, value in remedy.items()}
    urn = URN if rule.applies_to(ACCOUNT) else "urn:pulumi:source::acr-transfer::any::registry"
    kind = ACCOUNT if rule.applies_to(ACCOUNT) else "azure-native:containerregistry:Registry"

    def request(props: Mapping[str, Any]) -> analyzer_pb2.AnalyzeRequest:
        return analyzer_pb2.AnalyzeRequest(type=kind, name="account", urn=urn, properties=struct(props))

    configure(pack, **{rule.name: ("mandatory", {})})
    assert [each.policyName for each in pack.Analyze(request(wrong)).diagnostics] == [rule.name]
    assert not pack.Remediate(request(wrong)).remediations
    configure(pack, **{rule.name: ("remediate", {})})
    (answer,) = pack.Remediate(request(wrong)).remediations
    corrected = json_format.MessageToDict(answer.properties)
    assert corrected == remedy
    assert not pack.Analyze(request(corrected)).diagnostics
    assert not pack.Remediate(request(corrected)).remediations


def test_a_remedy_keeps_secrets_marked_as_secret(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack, storage_min_tls=("remediate", {}), storage_https_only=("remediate", {}))
    given = {"tags": {"key": secret(CANARY)}, "list": [secret(CANARY)], "enableHttpsTrafficOnly": False}
    first, last = remedied(pack, **given)
    sealed = {**SECRET_MARK, "value": CANARY}
    for answer in (first, last):
        assert answer["tags"] == {"key": sealed}
        assert answer["list"] == [sealed]
    assert (last["minimumTlsVersion"], last["enableHttpsTrafficOnly"]) == ("TLS1_2", True)


def test_a_remedy_does_not_change_unknown_values(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack, storage_min_tls=("remediate", {}))
    assert remedied(pack, minimumTlsVersion=UNKNOWN) == []


def test_no_remedy_changes_a_secret_or_a_run() -> None:
    for rule in REMEDIED:
        for name in ("keyvault:Secret", "containerregistry:PipelineRun"):
            assert not rule.applies_to(f"azure-native:{name}")


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("mandatory", [analyzer_pb2.MANDATORY]),
        ("advisory", [analyzer_pb2.ADVISORY]),
        ("remediate", [analyzer_pb2.MANDATORY]),  # a violation that the remedy did not correct
        ("disabled", []),
    ],
)
def test_a_violation_has_the_configured_level(
    pack: analyzer_pb2_grpc.AnalyzerStub, level: str, shown: list[int]
) -> None:
    configure(pack, storage_min_tls=(level, {}))
    assert [each.enforcementLevel for each in analyzed(pack)] == shown


def test_a_configured_setting_replaces_the_default(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    month = {"sasPolicy": {"sasExpirationPeriod": "30.00:00:00"}}
    configure(pack, storage_sas_period=("advisory", {}))
    assert [each.policyName for each in analyzed(pack, **month)] == ["storage-sas-period"]
    configure(pack, storage_sas_period=("advisory", {"maxDays": 30}))
    assert analyzed(pack, **month) == []


def waiver(until: str, resource: str = "acc*") -> dict[str, Any]:
    return {"waivers": [{"resource": resource, "reason": "Until the move in May.", "until": until}]}


def test_a_waiver_turns_a_violation_into_a_note(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(
        pack,
        storage_min_tls=("mandatory", waiver("2999-12-31")),
        waived=("advisory", {}),
    )
    for _ in range(2):  # a note appears with its own resource only
        (note,) = analyzed(pack)
        assert (note.policyName, note.enforcementLevel) == ("waived", analyzer_pb2.ADVISORY)
        assert "storage-min-tls: Account account accepts old TLS" in note.message
        assert "Waived until 2999-12-31: Until the move in May." in note.message
    assert analyzed(pack, minimumTlsVersion="TLS1_2") == []


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(waiver("2020-01-31"), id="expired"),
        pytest.param(waiver("2999-02-31"), id="until a day that does not exist"),
        pytest.param(waiver("2999-12-31", "another"), id="of another resource"),
    ],
)
def test_a_waiver_that_does_not_apply_keeps_the_violation(
    pack: analyzer_pb2_grpc.AnalyzerStub, given: dict[str, Any]
) -> None:
    configure(pack, storage_min_tls=("mandatory", given), waived=("advisory", {}))
    (violation,) = analyzed(pack)
    assert (violation.policyName, violation.enforcementLevel) == ("storage-min-tls", analyzer_pb2.MANDATORY)
    (until,) = [each["until"] for each in given["waivers"]]
    ended = f"Its waiver expired on {until} (Until the move in May.)."
    assert (ended in violation.message) is (given["waivers"][0]["resource"] == "acc*")


def test_a_waived_resource_is_not_changed(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack, storage_min_tls=("remediate", waiver("2999-12-31")))
    assert remedied(pack) == []
    configure(pack, storage_min_tls=("remediate", waiver("2020-01-31")))
    assert remedied(pack) == [{"minimumTlsVersion": "TLS1_2"}]


def test_the_engine_reports_which_configuration_is_encrypted(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(pack, no_sas_in_config=("mandatory", {}))
    config = {"a:clear": CANARY + "x" * 40, "a:encrypted": CANARY + "x" * 40, "a:container": "transfer"}
    pack.ConfigureStack(
        analyzer_pb2.AnalyzerStackConfigureRequest(config=config, config_secret_keys=["a:encrypted"])
    )
    stack = analyzer_pb2.AnalyzeRequest(type="pulumi:pulumi:Stack", name="source", urn="urn:pulumi:source")
    (violation,) = pack.Analyze(stack).diagnostics
    assert "Configuration 'a:clear' contains a SAS token in plain text." in violation.message
    assert CANARY not in violation.message


def test_a_waiver_of_a_stack_rule_is_reported_with_the_stack(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    given = waiver("2999-12-31")
    configure(
        pack,
        storage_min_tls=("mandatory", given),
        storage_soft_delete=("mandatory", given),
        waived_in_stack=("advisory", {}),
    )
    analyzed(pack)
    account = analyzer_pb2.AnalyzerResource(type=ACCOUNT, name="account", urn=URN)
    (note,) = pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[account])).diagnostics
    assert (note.policyName, note.urn) == ("waived-in-stack", URN)
    assert "storage-soft-delete: A blob deleted from account" in note.message
