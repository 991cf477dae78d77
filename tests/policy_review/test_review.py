"""A review contains the engine's violations and errors, in order and without secrets, in every format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from acr_transfer.file_reader import TextFileError
from acr_transfer.model.documents.review import ReviewedStack, ReviewReport
from acr_transfer.review import sarif as sarif_module
from acr_transfer.review.configuration import configuration
from acr_transfer.review.engine import analyze
from acr_transfer.review.pack import PolicyPack, ReviewError
from acr_transfer.review.review_text import review_text
from acr_transfer.review.reviewed_stack import reviewed_stack, violation_of
from policy.rules.catalogue import ALL
from tests.policy_review.engine_output import output, urn, violation

RULES = {rule.name: rule for rule in ALL}

SKU = ALL[0]
CANARY = "c2VjcmV0LWNhbmFyeS1vZi10aGUtcmV2aWV3LXRlc3Q"
SIGNED = f"https://account/box?sp=r&sig={CANARY}%3D"
MESSAGE = f"{SKU.why}\nThe tier of contoso is 'Basic'.\nFix: {SKU.fix}\nSee: {SKU.url}"
FOUND = [
    violation("zz-advice", "Why.\nB.", enforcementLevel="advisory", severity="critical"),
    violation("b-rule", "Why.\nB.", "two", severity="medium"),
    violation(SKU.name, MESSAGE),
    violation("b-rule", "Why.\nB.", "one", severity="medium"),
    violation(SKU.name, MESSAGE),
]

NOTE = f"It may pass.\n{SKU.name}: The tier is 'Basic'.\nWaived until 2099-01-31: We move soon."
WAIVED = violation("waived", NOTE, enforcementLevel="advisory", severity="low")


def reviewed(*events: dict[str, Any], **more: Any) -> ReviewedStack:
    return reviewed_stack("source", "Pulumi.source.yaml", output(*events, **more), RULES)


def report(review: ReviewedStack, profile: str = "baseline") -> dict[str, Any]:
    return ReviewReport(schema_=2, profile=profile, stacks=(review,)).as_json()


def sarif(*reviews: ReviewedStack) -> dict[str, Any]:
    return sarif_module.sarif(reviews, RULES)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """OASIS's errata schema rtm.5, as in Microsoft's package jest-sarif."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text())
    return found


def test_each_violation_is_listed_once_the_worst_first() -> None:
    listed = [(each.rule, each.resource) for each in reviewed(*FOUND).violations]
    assert listed == [(SKU.name, "export"), ("b-rule", "one"), ("b-rule", "two"), ("zz-advice", "export")]


def test_a_message_of_the_pack_is_split_into_its_fields() -> None:
    found = violation_of(violation(SKU.name, MESSAGE)["policyEvent"], RULES)
    assert (found.why, found.fix, found.url) == (SKU.why, SKU.fix, SKU.url)
    assert found.what == "The tier of contoso is 'Basic'."
    assert found.type == "azure-native:containerregistry:ExportPipeline"


@pytest.mark.parametrize("message", ["One line.", "One line.\nMore of it,\nand more."])
def test_a_message_of_another_pack_stays_complete(message: str) -> None:
    event = violation("theirs", message, policyPackName="theirs")["policyEvent"]
    found = violation_of(event, RULES)
    assert message in {found.what, f"{found.why}\n{found.what}"}


def test_the_text_names_resource_what_why_fix_and_link() -> None:
    text = review_text(reviewed(*FOUND))
    for part in ("export (azure-native:containerregistry:ExportPipeline)", SKU.why, SKU.fix, SKU.url):
        assert part in " ".join(text.split())
    assert text.endswith(
        "source: 12 resources reviewed by acr-transfer 0.1.0: 3 mandatory, 1 advisory, 0 waived"
    )


def test_a_waived_violation_belongs_to_its_rule_and_forbids_nothing() -> None:
    review = reviewed(WAIVED)
    (found,) = review.violations
    assert (found.rule, found.level, found.what) == (SKU.name, "waived", "The tier is 'Basic'.")
    assert not review.forbidden
    assert "until 2099-01-31: We move soon." in review_text(review)
    (result,) = sarif(review)["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "We move soon. (until 2099-01-31)"
    assert report(review)["stacks"][0]["violations"][0]["until"] == "2099-01-31"


def test_the_failure_of_a_forbidden_preview_is_not_a_separate_error() -> None:
    failed = {"diagnosticEvent": {"severity": "error", "message": "preview failed\n", "color": "never"}}
    assert reviewed(*FOUND, failed, succeeded=False).errors == ()
    assert reviewed(failed, succeeded=False).errors != ()


def test_a_failed_preview_is_not_a_clean_one() -> None:
    review = reviewed(stderr="error: no stack named 'source' found", succeeded=False)
    assert review.errors == ("error: no stack named 'source' found",)
    assert "no stack named" in review_text(review)
    assert sarif(review)["runs"][0]["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("events", [[], FOUND, [WAIVED]], ids=["clean", "broken", "waived"])
def test_the_sarif_is_valid_by_the_schema_of_the_standard(
    events: list[dict[str, Any]], schema: dict[str, Any]
) -> None:
    for review in (reviewed(*events), reviewed(*events, stderr="it broke", succeeded=False)):
        jsonschema.validate(sarif(review, review), schema)


def test_the_sarif_has_the_fields_that_github_shows() -> None:
    run = sarif(reviewed(*FOUND))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert {rule.name for rule in ALL} <= {each["id"] for each in rules}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place == {
            "artifactLocation": {"uri": "Pulumi.source.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        }
    assert [each["level"] for each in run["results"]] == ["error", "error", "error", "warning"]
    prints = [each["partialFingerprints"]["ruleAndResource/v1"] for each in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_violation_keeps_its_fingerprint_when_only_the_time_in_its_message_changes() -> None:
    before, after = (
        sarif(reviewed(violation("soon", f"Why.\nThe token ends in {hours} h.")))["runs"][0]["results"][0]
        for hours in (5, 4)
    )
    assert before["partialFingerprints"] == after["partialFingerprints"]


def test_a_review_hides_credentials_in_messages_of_programs_and_other_packs() -> None:
    error = {"diagnosticEvent": {"severity": "error", "message": f"refused: {SIGNED}", "color": "never"}}
    review = reviewed(violation("theirs", f"It is {SIGNED}.\nMore: {SIGNED}"), error, succeeded=False)
    for shown in (review_text(review), json.dumps(report(review)), json.dumps(sarif(review))):
        assert "refused" in shown or "credential" in shown
        assert CANARY not in shown


@pytest.mark.parametrize("events", [[], FOUND, [WAIVED]], ids=["clean", "broken", "waived"])
def test_the_report_is_valid_by_its_published_schema(events: list[dict[str, Any]], checkout: Path) -> None:
    published = json.loads((checkout / "docs/review.schema.json").read_text())
    for review in (reviewed(*events), reviewed(*events, stderr="it broke", succeeded=False)):
        jsonschema.validate(report(review), published)


def test_the_report_names_type_and_resource() -> None:
    found = report(reviewed(*FOUND), "strict")
    first = found["stacks"][0]["violations"][0]
    assert (found["schema"], found["profile"]) == (2, "strict")
    assert first["urn"] == urn("export")
    assert (first["resource"], first["level"]) == ("export", "mandatory")


def test_an_unknown_pack_profile_or_rule_is_named_with_the_fix(tmp_path: Path, checkout: Path) -> None:
    pack = PolicyPack.load(checkout / "policy")
    waivers = tmp_path / "waivers.json"
    waivers.write_text('{"no-such-rule": []}')
    with pytest.raises(ReviewError, match="is not the policy pack of acr-transfer"):
        PolicyPack.load(tmp_path)
    with pytest.raises(ReviewError, match=r"neither a profile nor a file.*\n.*baseline, sandbox, strict"):
        configuration(pack, "lenient", None).__enter__()
    with pytest.raises(ReviewError, match="unknown rules: no-such-rule"):
        configuration(pack, "baseline", waivers).__enter__()


@pytest.mark.parametrize(
    ("profile", "waivers", "words"),
    [
        ("{}", "[" * 200, r"waivers.json is nested too deeply: more than 64 levels.\nFix: write one key"),
        ("{}", '{"run-tag": {}, "run-tag": {}}', "the key 'run-tag' appears twice"),
        ("{}", "[]", "waivers.json is not a JSON object"),
        ("{}", '{"run-tag": "all"}', "waivers.json has no list of waivers for run-tag"),
        (
            '{"run-tag": [1]}',
            "{}",
            "profile.json has no level and no object with a list `waivers` for run-tag",
        ),
        ('{"run-tag": {"waivers": "all"}}', "{}", "profile.json has no level and no object"),
        ("\0", "{}", "profile.json cannot be read: it holds NUL characters"),
    ],
)
def test_a_configuration_of_another_form_is_refused_with_the_reason(
    profile: str, waivers: str, words: str, tmp_path: Path, checkout: Path
) -> None:
    files = [tmp_path / "profile.json", tmp_path / "waivers.json"]
    for file, text in zip(files, (profile, waivers), strict=True):
        file.write_text(text)
    with pytest.raises((ReviewError, TextFileError), match=words):
        configuration(PolicyPack.load(checkout / "policy"), str(files[0]), files[1]).__enter__()


def test_a_name_of_a_profile_or_pack_may_have_any_length(checkout: Path) -> None:
    with pytest.raises(ReviewError, match="neither a profile nor a file"):
        configuration(PolicyPack.load(checkout / "policy"), "x" * 5000, None).__enter__()
    with pytest.raises(ReviewError, match="is not the policy pack"):
        PolicyPack.load(Path("x" * 5000, "policy"))


def test_only_a_regular_file_is_analyzed_as_a_state(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.json")
    with pytest.raises(TextFileError, match="it is a pipe"):
        analyze(tmp_path / "state.json", tmp_path, tmp_path)


def test_a_review_without_pulumi_policy_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ReviewError, match=r"pip install 'acr-transfer\[policy\]'"):
        PolicyPack.load(checkout / "policy")
