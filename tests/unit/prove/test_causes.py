"""The causes of missing and different artifacts, as the source and a receipt show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.prove.causes import Knowledge, with_causes
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.prove.verify import Expectation, Proof

NAMES = {"source": "s", "target": "t", "lock": "a.lock.json"}


def explained(
    finding: ArtifactFinding,
    now: Mapping[str, str] | None,
    arrived: Mapping[str, str] | None = None,
    *,
    is_pinned: bool = True,
) -> Evidence:
    proved = {"a:1": "planned"} if is_pinned else {}
    expectation = Expectation(
        document="a", registry="s", artifacts=("a:1",), entries={}, checksum="", proved=proved
    )
    evidence = Evidence(
        proof=Proof(findings=(finding,), manifests_read=1, seconds=1.0),
        expectation=expectation,
        target="t",
        began=datetime.now(UTC),
        ended=datetime.now(UTC),
    )
    return with_causes(evidence, Knowledge(names=NAMES, now=now, arrived=arrived or {}))


@pytest.mark.parametrize(
    ("verdict", "now", "detail", "first"),
    [
        (Verdict.MISSING, {}, "the source does not have it any more", "Push it again, or plan without it"),
        (
            Verdict.DIFFERENT,
            {"a:1": "new"},
            "the source has new now",
            "acr-transfer plan --again a.lock.json --source s",
        ),
        (
            Verdict.MISSING,
            {"a:1": "planned"},
            "it was proved yesterday",
            "pulumi config set acr-transfer:forceUpdateTag '<new tag>' -s s",
        ),
        (
            Verdict.DIFFERENT,
            {"a:1": "planned"},
            "the source has the planned build",
            "pulumi config set acr-transfer:forceUpdateTag '<new tag>' -s s",
        ),
    ],
)
def test_a_cause_is_in_the_detail_and_leads_out(
    verdict: Verdict, now: Mapping[str, str], detail: str, first: str
) -> None:
    finding = ArtifactFinding(artifact="a:1", verdict=verdict, digest="planned", detail="it differs")
    found = explained(finding, now, {"a:1": "it was proved yesterday"})
    (explained_finding,) = found.proof.findings
    assert explained_finding.detail == f"it differs; {detail}"
    (step,) = found.next_steps(found.proof.findings)
    assert (step.verdict, step.count) == (verdict, 1)
    assert step.ways[0].strip().replace("<new tag>", "'<new tag>'").startswith(first)


def test_an_unknown_cause_keeps_the_general_advice() -> None:
    finding = ArtifactFinding(artifact="a:1", verdict=Verdict.MISSING, digest="planned")
    found = explained(finding, None)
    assert found.causes == {}
    (step,) = found.next_steps(found.proof.findings)
    assert step.text.startswith("Check that the blob arrived")


def test_a_wrong_child_is_not_taken_for_another_build() -> None:
    finding = ArtifactFinding(
        artifact="a:1", verdict=Verdict.DIFFERENT, digest="planned", kind=ManifestKind.INDEX
    )
    assert explained(finding, {"a:1": "planned"}).causes == {}


def test_without_a_lock_another_build_leads_to_another_export() -> None:
    finding = ArtifactFinding(
        artifact="a:1", verdict=Verdict.DIFFERENT, digest="now", kind=ManifestKind.IMAGE, detail="it differs"
    )
    found = explained(finding, None, is_pinned=False)
    (explained_finding,) = found.proof.findings
    assert explained_finding.detail == "it differs; the source has the expected build now"
    (step,) = found.next_steps(found.proof.findings)
    assert step.ways[0].strip() == "pulumi config set acr-transfer:forceUpdateTag <new tag> -s s"
