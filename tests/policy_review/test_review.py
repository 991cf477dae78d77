"""What a reviewer reads, and what programs read, is what the engine said, in order and without secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from acr_transfer.review.report import report
from acr_transfer.review.review import Review
from acr_transfer.review.sarif import sarif
from acr_transfer.review.text import text
from acr_transfer.review.violation import Violation
from policy.rules.catalogue import ALL
from tests.policy_review.heard import heard, urn, violation

SKU = ALL[0]
CANARY = "c2VjcmV0LWNhbmFyeS1vZi10aGUtcmV2aWV3LXRlc3Q"
SIGNED = f"https://account/box?sp=r&sig={CANARY}%3D"
SAID = f"{SKU.why}\nThe tier of contoso is 'Basic'.\nMend: {SKU.mend}\nSee: {SKU.url}"
FOUND = [
    violation("zz-advice", "Why.\nB.", enforcementLevel="advisory", severity="critical"),
    violation("b-rule", "Why.\nB.", "two", severity="medium"),
    violation(SKU.name, SAID),
    violation("b-rule", "Why.\nB.", "one", severity="medium"),
    violation(SKU.name, SAID),
]

NOTE = f"It may pass.\n{SKU.name}: The tier is 'Basic'.\nIt may pass until 2099-01-31: We move soon."
WAIVED = violation("waived", NOTE, enforcementLevel="advisory", severity="low")


def reviewed(*events: dict[str, Any], **more: Any) -> Review:
    return Review.of("source", "Pulumi.source.yaml", heard(*events, **more))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The standard's own: OASIS's errata schema rtm.5, as Microsoft's package jest-sarif carries it."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text())
    return found


def test_each_violation_is_told_once_the_worst_first() -> None:
    told = [(each.rule, each.resource) for each in reviewed(*FOUND).violations]
    assert told == [(SKU.name, "export"), ("b-rule", "one"), ("b-rule", "two"), ("zz-advice", "export")]


def test_a_message_of_the_pack_is_taken_apart() -> None:
    found = Violation.of(violation(SKU.name, SAID)["policyEvent"])
    assert (found.why, found.mend, found.url) == (SKU.why, SKU.mend, SKU.url)
    assert found.what == "The tier of contoso is 'Basic'."
    assert found.type == "azure-native:containerregistry:ExportPipeline"


@pytest.mark.parametrize("said", ["One line.", "One line.\nMore of it,\nand more."])
def test_a_message_of_another_pack_is_kept_whole(said: str) -> None:
    found = Violation.of(violation("theirs", said, policyPackName="theirs")["policyEvent"])
    assert said in {found.what, f"{found.why}\n{found.what}"}


def test_what_is_read_says_resource_what_why_mend_and_link() -> None:
    said = text(reviewed(*FOUND))
    for part in ("export (azure-native:containerregistry:ExportPipeline)", SKU.why, SKU.mend, SKU.url):
        assert part in " ".join(said.split())
    assert said.endswith(
        "source: 12 resources reviewed by acr-transfer 0.1.0: 3 mandatory, 1 advisory, 0 waived"
    )


def test_a_waived_violation_is_told_as_its_rules_and_forbids_nothing() -> None:
    review = reviewed(WAIVED)
    (found,) = review.violations
    assert (found.rule, found.level, found.what) == (SKU.name, "waived", "The tier is 'Basic'.")
    assert not review.forbidden
    assert "until 2099-01-31: We move soon." in text(review)
    (result,) = sarif([review])["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "We move soon. (until 2099-01-31)"
    assert report([review], "x")["stacks"][0]["violations"][0]["until"] == "2099-01-31"


def test_the_engines_word_that_a_forbidden_preview_failed_is_no_error_of_its_own() -> None:
    said = {"diagnosticEvent": {"severity": "error", "message": "preview failed\n", "color": "never"}}
    assert reviewed(*FOUND, said, succeeded=False).errors == ()
    assert reviewed(said, succeeded=False).errors != ()


def test_a_preview_that_failed_is_not_taken_for_a_clean_one() -> None:
    review = reviewed(errors="error: no stack named 'source' found", succeeded=False)
    assert review.errors == ("error: no stack named 'source' found",)
    assert "no stack named" in text(review)
    assert sarif([review])["runs"][0]["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("events", [[], FOUND, [WAIVED]], ids=["clean", "broken", "waived"])
def test_the_standards_schema_takes_the_sarif(events: list[dict[str, Any]], schema: dict[str, Any]) -> None:
    for review in (reviewed(*events), reviewed(*events, errors="it broke", succeeded=False)):
        jsonschema.validate(sarif([review, review]), schema)


def test_the_sarif_has_what_github_shows() -> None:
    run = sarif([reviewed(*FOUND)])["runs"][0]
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


def test_a_violation_is_the_same_when_only_its_hours_have_passed() -> None:
    before, after = (
        sarif([reviewed(violation("soon", f"Why.\nThe token ends in {hours} h."))])["runs"][0]["results"][0]
        for hours in (5, 4)
    )
    assert before["partialFingerprints"] == after["partialFingerprints"]


def test_no_credential_that_a_program_or_another_pack_tells_is_passed_on() -> None:
    error = {"diagnosticEvent": {"severity": "error", "message": f"refused: {SIGNED}", "color": "never"}}
    review = reviewed(violation("theirs", f"It is {SIGNED}.\nMore: {SIGNED}"), error, succeeded=False)
    for said in (text(review), json.dumps(report([review], "baseline")), json.dumps(sarif([review]))):
        assert "refused" in said or "credential" in said
        assert CANARY not in said


@pytest.mark.parametrize("events", [[], FOUND, [WAIVED]], ids=["clean", "broken", "waived"])
def test_the_report_is_as_its_published_schema_says(events: list[dict[str, Any]], checkout: Path) -> None:
    published = json.loads((checkout / "docs/review.schema.json").read_text())
    for review in (reviewed(*events), reviewed(*events, errors="it broke", succeeded=False)):
        jsonschema.validate(report([review], "baseline"), published)


def test_the_report_names_type_and_resource() -> None:
    found = report([reviewed(*FOUND)], "strict")
    first = found["stacks"][0]["violations"][0]
    assert (found["schema"], found["profile"]) == (2, "strict")
    assert first["urn"] == urn("export")
    assert (first["resource"], first["level"]) == ("export", "mandatory")
