"""The result of `acr-transfer prove` as text."""

from acr_transfer.cli.console import coloured
from acr_transfer.cli.table import named, short, table
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.visible_text import visible_line
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.registry.manifests import describe_kind
from acr_transfer.units import human_size, plural

_COLOURS = {
    Verdict.PROVED: "green",
    Verdict.MISSING: "red",
    Verdict.DIFFERENT: "red",
    Verdict.CONTRADICTORY: "red",
    Verdict.NOT_PROVABLE: "yellow",
    Verdict.EXTRA: "yellow",
}
_EXTRA_SHOWN = 20
"""A target may have a thousand other tags."""


def evidence_table(evidence: Evidence) -> str:
    """Return one line per artifact, its detail below it, and a summary."""
    findings = evidence.proof.findings
    # Extra tags are last.
    listed = findings[: len(evidence.proof.expected) + _EXTRA_SHOWN]
    header, *lines = table(("artifact", "digest", "kind", "verdict"), [*map(_row, listed)]).splitlines()
    text = [header]
    for line, finding in zip(lines, listed, strict=True):
        text.append(line.removesuffix(finding.verdict) + coloured(finding.verdict, _COLOURS[finding.verdict]))
        if finding.detail and finding.verdict is not Verdict.EXTRA:
            text.append(f"    {visible_line(finding.detail)}")
    if hidden := len(findings) - len(listed):
        text.append(f"and {plural(hidden, 'more extra tag')}: see --json or --html")
    return "\n".join([*text, _summary(evidence)])


def _row(finding: ArtifactFinding) -> tuple[str, ...]:
    kind = describe_kind(finding.kind, finding.artifact_type, finding.children) or "-"
    return named(finding.artifact), short(finding.digest or "-"), kind, finding.verdict.value


def _summary(evidence: Evidence) -> str:
    proof, layers = evidence.proof, evidence.proof.layers
    counts = {verdict: proof.count(verdict) for verdict in Verdict}
    proved = counts.pop(Verdict.PROVED)
    others = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    read = f", {len(layers.read)} of {layers.of} blobs read ({human_size(layers.bytes_read)})"
    return (
        f"{proved} of {len(proof.expected)} artifacts proved{f' ({others})' if others else ''}, "
        f"{proof.manifests_read} manifests read{'' if layers.mode is LayerMode.NONE else read}, "
        f"{proof.seconds:.1f} s"
    )


def next_steps(evidence: Evidence) -> str:
    """Return one paragraph of advice for each cause."""
    findings = evidence.proof.findings if evidence.exact else evidence.proof.expected
    lines = []
    for step in evidence.next_steps(findings):
        lines += [f"{step.count} {step.verdict}: {step.text}", *(f"  {line}" for line in step.ways)]
    return "not everything is proved:\n  " + "\n  ".join(lines)
