"""Evidence: what was proved, of what, where, when and how, as people and machines read it.

docs/evidence.schema.json describes the JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acr_transfer.cli.console import coloured
from acr_transfer.cli.table import named, short, table
from acr_transfer.model.documents.evidence import (
    EvidenceFinding,
    EvidenceHandover,
    EvidenceLayers,
    EvidenceReport,
    EvidenceTool,
)
from acr_transfer.model.documents.receipt import ProvedArtifact
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.times import format_time
from acr_transfer.prove.target import Finding
from acr_transfer.prove.verify import Proof
from acr_transfer.registry.artifact_type import described
from acr_transfer.units import human_size, plural
from acr_transfer.version import version

ADVICE = {
    Verdict.MISSING: (
        "Has the blob arrived, and has its import run? Look at `runs` of the target stack. "
        "A trigger starts up to 15 minutes after the blob's arrival: `--wait 1200` waits for it."
    ),
    Verdict.DIFFERENT: (
        "The target holds other content under this name. Give the import pipeline the option `OverwriteTags` "
        "and export again with a new `forceUpdateTag`. Wrong bytes under a digest mean a damaged registry."
    ),
    Verdict.NOT_PROVABLE: (
        "Nothing tells what was exported, or the answer could not be read. Plan with a lock "
        "(`acr-transfer plan`): its digests are in the hand-over, and the source is not needed for the proof."
    ),
    Verdict.EXTRA: (
        "Tags that no hand-over and no receipt names: pushed by others, or moved before receipts were kept. "
        "If the target shall mirror the source exactly, remove them; `--exact` makes them a failure."
    ),
}
"""What to do about each kind of finding."""

_COLOURS = {
    Verdict.PROVED: "green",
    Verdict.MISSING: "red",
    Verdict.DIFFERENT: "red",
    Verdict.NOT_PROVABLE: "yellow",
    Verdict.EXTRA: "yellow",
}
_EXTRA_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A proof, and what it was made of."""

    proof: Proof
    target: str
    """The target's login server."""

    source: str
    """The source's login server; empty if nothing said it."""

    handover: str
    """What the expectation was read from."""

    checksum: str
    """The hand-over's checksum; empty for one that has none."""

    pinned: bool
    """Whether the digests that were expected come from a lock, not from the source at this moment."""

    began: datetime
    ended: datetime
    exact: bool = False
    """Whether extra tags are a failure."""

    @property
    def good(self) -> bool:
        """Whether everything is as it should be."""
        return self.proof.complete and not (self.exact and self.proof.count(Verdict.EXTRA))

    def proved(self) -> list[ProvedArtifact]:
        """What a receipt is to say."""
        return [
            ProvedArtifact(
                reference=finding.artifact,
                digest=str(finding.digest),
                proved_at=format_time(self.ended),
            )
            for finding in self.proof.findings
            if finding.verdict is Verdict.PROVED
        ]

    def lost(self) -> list[str]:
        """What was looked for and is not there as it should be."""
        wrong = (Verdict.MISSING, Verdict.DIFFERENT)
        return [finding.artifact for finding in self.proof.findings if finding.verdict in wrong]


def evidence_table(evidence: Evidence) -> str:
    """One line an artifact, a line more for whatever is to be said of it, then what it came to."""
    shown = _shown(evidence.proof.findings)
    rows = [_row(finding) for finding in shown]
    lines = table(("artifact", "digest", "kind", "verdict"), rows).splitlines()
    said = lines[:1]
    for line, finding in zip(lines[1:], shown, strict=True):
        said.append(line.removesuffix(finding.verdict) + coloured(finding.verdict, _COLOURS[finding.verdict]))
        if finding.detail and finding.verdict is not Verdict.EXTRA:
            said.append(f"    {finding.detail}")
    hidden = len(evidence.proof.findings) - len(shown)
    if hidden:
        said.append(f"and {plural(hidden, 'extra tag')} more: see --json or --html")
    return "\n".join([*said, summary(evidence)])


def _shown(findings: Iterable[Finding]) -> list[Finding]:
    """All but the many extra ones: a target may hold a thousand other tags."""
    listed = list(findings)
    expected = [finding for finding in listed if finding.verdict is not Verdict.EXTRA]
    return expected + [finding for finding in listed if finding.verdict is Verdict.EXTRA][:_EXTRA_SHOWN]


def _row(finding: Finding) -> tuple[str, ...]:
    kind = described(finding.kind, finding.artifact_type, finding.children) if finding.kind else "-"
    return named(finding.artifact), short(finding.digest or "-"), kind, finding.verdict.value


def summary(evidence: Evidence) -> str:
    """The proof in one line."""
    proof = evidence.proof
    others = [
        f"{proof.count(verdict)} {verdict}"
        for verdict in Verdict
        if verdict is not Verdict.PROVED and proof.count(verdict)
    ]
    layers = proof.layers
    read = (
        f", {len(layers.read)} of {layers.of} blobs read ({human_size(layers.bytes_read)})"
        if layers.mode is not LayerMode.NONE
        else ""
    )
    more = f" ({', '.join(others)})" if others else ""
    return (
        f"{proof.proved} of {len(proof.expected)} artifacts proved{more}, "
        f"{proof.manifests_read} manifests read{read}, {proof.seconds:.1f} s"
    )


def what_to_do(evidence: Evidence) -> str:
    """One paragraph for each kind of finding that there is."""
    proof = evidence.proof
    lines = [
        f"{proof.count(verdict)} {verdict}: {text}"
        for verdict, text in ADVICE.items()
        if proof.count(verdict) and (verdict is not Verdict.EXTRA or evidence.exact)
    ]
    return "not everything is proved:\n  " + "\n  ".join(lines)


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """The evidence for programs, in the form of docs/evidence.schema.json."""
    proof = evidence.proof
    origin = {"from": evidence.handover, "checksum": evidence.checksum or None, "pinned": evidence.pinned}
    return EvidenceReport(
        schema_=1,
        tool=EvidenceTool(name="acr-transfer", version=version()),
        good=evidence.good,
        source=evidence.source or None,
        target=evidence.target,
        handover=EvidenceHandover.model_validate(origin),
        began=format_time(evidence.began),
        ended=format_time(evidence.ended),
        seconds=round(proof.seconds, 3),
        artifacts=len(proof.expected),
        **{verdict.name.lower(): proof.count(verdict) for verdict in Verdict},
        manifests_read=proof.manifests_read,
        layers=EvidenceLayers.model_validate(
            {
                "mode": proof.layers.mode,
                "of": proof.layers.of,
                "read": proof.layers.read,
                "bytes": proof.layers.bytes_read,
            }
        ),
        findings=tuple(map(_finding, proof.findings)),
    ).as_json()


def _finding(found: Finding) -> EvidenceFinding:
    unstated = {"artifact_type": found.artifact_type or None, "subject": found.subject or None}
    return EvidenceFinding.model_validate(vars(found) | unstated)
