"""Evidence: the result of a proof with its origin and its time.

docs/evidence.schema.json describes the JSON.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from acr_transfer.errors import TransferError
from acr_transfer.model.documents.evidence import (
    EvidenceFinding,
    EvidenceHandover,
    EvidenceLayers,
    EvidenceReport,
    EvidenceTool,
)
from acr_transfer.model.documents.receipt import ProvedArtifact
from acr_transfer.model.proof import Verdict
from acr_transfer.model.times import format_time
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.prove.verify import Expectation, Proof
from acr_transfer.version import version

ADVICE = {
    Verdict.MISSING: (
        "Check that the blob arrived and that its import ran (output `runs` of the target stack). "
        "A trigger starts up to 15 minutes after the blob arrives: `--wait 1200` waits for it."
    ),
    Verdict.DIFFERENT: (
        "The target has other content under this name. Add the option `OverwriteTags` to the import pipeline "
        "and export again with a new `forceUpdateTag`. Wrong bytes under a digest mean a damaged registry."
    ),
    Verdict.CONTRADICTORY: (
        "The registry states another kind of manifest than its bytes have, or the bytes can be read in two "
        "ways. Clients disagree on such an image: a proxy changes responses, or it was built to deceive."
    ),
    Verdict.NOT_PROVABLE: (
        "The registry refuses it, its response could not be read, or the exported digest is unknown, as "
        "stated above. With a lock (`acr-transfer plan`) the hand-over has all digests."
    ),
    Verdict.EXTRA: (
        "These tags are in no hand-over and no receipt: others pushed them, or they moved before the first "
        "receipt. Remove them if the target must mirror the source; `--exact` makes them a failure."
    ),
}
"""The next step for each verdict whose cause is unknown."""


@dataclass(frozen=True)
class KnownCause:
    """Why an artifact is missing or different."""

    what: str
    """What shows it, for the finding's detail."""

    why: str
    ways: tuple[str, ...]
    """The lines of the ways out: each is a command, or the words before commands."""


@dataclass(frozen=True)
class NextStep:
    """What to do about the artifacts with one verdict and one cause."""

    verdict: Verdict
    count: int
    text: str
    ways: tuple[str, ...] = ()
    """As in `KnownCause`."""


# asyncio.run computes the repr of its result: that of 10,000 findings would be megabytes.
@dataclass(frozen=True, kw_only=True, repr=False)
class Evidence:
    """A proof and its origin."""

    proof: Proof
    expectation: Expectation
    target: str
    """The target's login server."""

    began: datetime
    ended: datetime
    exact: bool = False
    """Whether extra tags are a failure."""

    unlisted_tags: TransferError | None = None
    """Why the target's tags could not be listed, so that extra tags are unknown; None if they were."""

    causes: Mapping[str, KnownCause] = field(default_factory=dict)
    """The known causes by artifact."""

    def next_steps(self, findings: Iterable[ArtifactFinding]) -> list[NextStep]:
        """Return what to do about each verdict of these findings, once for each cause."""
        steps = Counter((each.verdict, *self._advice(each)) for each in findings if each.verdict in ADVICE)
        order = list(ADVICE)
        return [
            NextStep(verdict, count, text, ways)
            for (verdict, text, ways), count in sorted(
                steps.items(), key=lambda step: order.index(step[0][0])
            )
        ]

    def _advice(self, finding: ArtifactFinding) -> tuple[str, tuple[str, ...]]:
        cause = self.causes.get(finding.artifact)
        return (cause.why, cause.ways) if cause else (ADVICE[finding.verdict], ())

    @property
    def good(self) -> bool:
        """Whether all artifacts are proved and, with `exact`, the target is known to have no other."""
        return self.proof.complete and not (self.exact and self._may_have_extra_tags)

    @property
    def _may_have_extra_tags(self) -> bool:
        return self.unlisted_tags is not None or self.proof.count(Verdict.EXTRA) > 0

    def proved(self) -> list[ProvedArtifact]:
        """Return the entries of a receipt."""
        return [
            ProvedArtifact(
                reference=finding.artifact, digest=str(finding.digest), proved_at=format_time(self.ended)
            )
            for finding in self.proof.findings
            if finding.verdict is Verdict.PROVED
        ]

    def lost(self) -> list[str]:
        """Return the expected references that are not proved this time."""
        return [finding.artifact for finding in self.proof.expected if finding.verdict is not Verdict.PROVED]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Return the JSON document that docs/evidence.schema.json describes."""
    proof, layers, expected = evidence.proof, evidence.proof.layers, evidence.expectation
    return EvidenceReport(
        schema_=1,
        tool=EvidenceTool(name="acr-transfer", version=version()),
        good=evidence.good,
        source=expected.registry or None,
        target=evidence.target,
        handover=EvidenceHandover(
            from_=expected.document, checksum=expected.checksum, pinned=expected.is_pinned
        ),
        began=format_time(evidence.began),
        ended=format_time(evidence.ended),
        seconds=round(proof.seconds, 3),
        artifacts=len(proof.expected),
        **{verdict.name.lower(): proof.count(verdict) for verdict in Verdict},
        extra_tags_listed=evidence.unlisted_tags is None,
        manifests_read=proof.manifests_read,
        layers=EvidenceLayers(mode=layers.mode, of=layers.of, read=layers.read, bytes_=layers.bytes_read),
        findings=tuple(map(_finding, proof.findings)),
    ).as_json()


def _finding(found: ArtifactFinding) -> EvidenceFinding:
    unstated = {"artifact_type": found.artifact_type or None, "subject": found.subject or None}
    return EvidenceFinding.model_validate(vars(found) | unstated)
