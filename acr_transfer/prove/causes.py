"""Why artifacts are missing or different at the target, as far as the source and receipts show it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from acr_transfer.model.failures.failure import Cause, Failure
from acr_transfer.model.failures.proofs import (
    DELETED_AT_TARGET,
    GONE_AT_SOURCE,
    OTHER_BUILD_AT_TARGET,
    REPLACED_AT_TARGET,
    TAG_MOVED,
)
from acr_transfer.model.failures.steps import Known
from acr_transfer.model.proof import Verdict
from acr_transfer.prove.evidence import Evidence, KnownCause
from acr_transfer.prove.target import ArtifactFinding


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What is known beside the target's registry."""

    names: Known
    """The stacks `source` and `target` and the `lock`, for commands."""

    config: Mapping[str, str] = field(default_factory=dict)
    """The configuration of the target's stack, by key; empty if the target is not a stack."""

    now: Mapping[str, str] | None = None
    """With a lock, the current digests of open artifacts at the source; None: it was not read."""

    arrived: Mapping[str, str] = field(default_factory=dict)
    """What shows that an artifact was at the target, by its reference."""


def open_artifacts(evidence: Evidence) -> list[str]:
    """Return the artifacts that are missing or different."""
    return [each.artifact for each in evidence.proof.expected if _is_open(each)]


def with_causes(evidence: Evidence, known: Knowledge) -> Evidence:
    """Return the evidence with the known cause of each open artifact, also in the finding's detail."""
    by_source = not evidence.expectation.is_pinned
    found = {
        each.artifact: _cause(each, known, by_source=by_source)
        for each in evidence.proof.expected
        if _is_open(each)
    }
    causes = {name: cause for name, cause in found.items() if cause}
    findings = tuple(_explained(evidence.proof.findings, causes))
    return replace(evidence, causes=causes, proof=replace(evidence.proof, findings=findings))


def _is_open(finding: ArtifactFinding) -> bool:
    return finding.verdict in (Verdict.MISSING, Verdict.DIFFERENT)


def _explained(
    findings: Iterable[ArtifactFinding], causes: Mapping[str, KnownCause]
) -> Iterator[ArtifactFinding]:
    for each in findings:
        cause = causes.get(each.artifact)
        yield replace(each, detail=f"{each.detail}; {cause.what}") if cause else each


def _cause(finding: ArtifactFinding, known: Knowledge, *, by_source: bool) -> KnownCause | None:
    failure, what = _failure(finding, known, by_source=by_source)
    if failure is None:
        return None
    cause = Cause(failure, known.names, config=known.config)
    return KnownCause(what, cause.why, tuple(cause.advice().splitlines()))


def _failure(finding: ArtifactFinding, known: Knowledge, *, by_source: bool) -> tuple[Failure | None, str]:
    """The failure behind a finding, and what shows it.

    `by_source` if the expected digests are those of the source now, and not those of a lock.
    """
    name = finding.artifact
    if known.now is not None and name not in known.now:
        return GONE_AT_SOURCE, "the source does not have it any more"
    if known.now is not None and known.now[name] != finding.digest:
        return TAG_MOVED, f"the source has {known.now[name]} now"
    if finding.verdict is Verdict.MISSING and name in known.arrived:
        return DELETED_AT_TARGET, known.arrived[name]
    # Without a kind the tag itself differs, and not a manifest below it.
    if finding.verdict is Verdict.DIFFERENT and known.now is not None and finding.kind is None:
        return REPLACED_AT_TARGET, "the source has the planned build"
    if finding.verdict is Verdict.DIFFERENT and by_source:
        return OTHER_BUILD_AT_TARGET, "the source has the expected build now"
    return None, ""
