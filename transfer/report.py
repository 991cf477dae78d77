"""Results as people and machines read them: tables and JSON."""

from __future__ import annotations

from typing import Any

from transfer.prove import Finding, Proof
from transfer.table import table


def proof_table(proof: Proof) -> str:
    """One line an artifact, a line more for whatever is wrong with it, then what it came to."""
    header = ("artifact", "digest", "kind", "children", "verdict")
    lines = table(header, [_row(finding) for finding in proof.findings], right=(3,)).splitlines()
    for number, finding in reversed(list(enumerate(proof.findings, start=1))):
        if finding.detail:
            lines.insert(number + 1, f"    {finding.detail}")
    return "\n".join([*lines, summary(proof)])


def _row(finding: Finding) -> tuple[str, ...]:
    kind = finding.kind.value if finding.kind else "-"
    children = str(finding.children) if finding.children else "-"
    return finding.artifact, finding.digest or "-", kind, children, finding.verdict.value


def summary(proof: Proof) -> str:
    """The proof in one line."""
    return (
        f"{proof.proved} of {len(proof.findings)} artifacts proved, "
        f"{proof.manifests_read} manifests read, {proof.seconds:.1f} s"
    )


def proof_json(proof: Proof) -> dict[str, Any]:
    """The same for machines; `docs/commands.md` describes it."""
    return {
        "schema": 1,
        "artifacts": len(proof.findings),
        "proved": proof.proved,
        "manifestsRead": proof.manifests_read,
        "seconds": round(proof.seconds, 3),
        "findings": [_found(finding) for finding in proof.findings],
    }


def _found(finding: Finding) -> dict[str, Any]:
    return {
        "artifact": finding.artifact,
        "verdict": finding.verdict.value,
        "digest": finding.digest,
        "got": finding.got,
        "kind": finding.kind.value if finding.kind else None,
        "mediaType": finding.media_type,
        "children": finding.children,
        "detail": finding.detail,
    }
