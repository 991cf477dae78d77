"""The result of `acr-transfer plan` as text and as JSON: a plan, or the difference of two locks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from acr_transfer.cli.console import coloured
from acr_transfer.cli.table import named, short, table
from acr_transfer.model.documents.lock import LockDifference, LockedArtifact
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.visible_text import visible_line
from acr_transfer.plan.baseline import ArtifactState
from acr_transfer.plan.plan import Plan, PlannedArtifact
from acr_transfer.registry.manifests import describe_kind
from acr_transfer.units import human_size, plural

_MISSING_SHOWN = 20
"""A target may have a thousand tags that the source no longer has."""

_COLOURS = {
    ArtifactState.CHANGED.value: "yellow",
    ArtifactState.INCOMPLETE.value: "yellow",
    ArtifactState.PRESENT.value: "dim",
}


def plan_table(plan: Plan, shown: Iterable[PlannedArtifact]) -> str:
    """Return one line per artifact, its referrers below it, and a summary."""
    rows = [_row(planned, depth) for planned, depth in _in_order(list(shown))]
    lines = _coloured_table(("state", "artifact", "digest", "kind", "size"), rows, _COLOURS, right=(4,))
    return "\n".join([*lines, *_summary(plan)])


def _coloured_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    colours: Mapping[str, str],
    right: Sequence[int] = (),
) -> list[str]:
    """The lines of a table, each in the colour of its first cell; none without rows."""
    if not rows:
        return []
    first, *lines = table(header, rows, right).splitlines()
    painted = zip(lines, rows, strict=True)
    return [first, *(coloured(line, colours[row[0]]) if row[0] in colours else line for line, row in painted)]


def _in_order(shown: Sequence[PlannedArtifact]) -> Iterator[tuple[PlannedArtifact, int]]:
    """The artifacts by reference, each referrer after its subject with a greater depth."""
    by_subject = defaultdict[tuple[str, str], list[PlannedArtifact]](list)
    for planned in shown:
        by_subject[planned.entry.repository, planned.entry.subject].append(planned)
    known = {(one.entry.repository, one.entry.digest) for one in shown}
    known |= {(one.entry.repository, child.digest) for one in shown for child in one.entry.children}
    done = set[str]()

    def with_referrers(planned: PlannedArtifact, depth: int) -> Iterator[tuple[PlannedArtifact, int]]:
        entry = planned.entry
        if entry.reference in done:
            return
        done.add(entry.reference)
        yield planned, depth
        below = () if planned.kind is ManifestKind.INDEX and entry.subject else entry.children
        for digest in (entry.digest, *(child.digest for child in below)):
            for referrer in by_subject.get((entry.repository, digest), ()):
                yield from with_referrers(referrer, depth + 1)

    # Artifacts whose subject is not shown begin; the others are left only if they refer to each other.
    for root in sorted(shown, key=lambda one: (one.entry.repository, one.entry.subject) in known):
        yield from with_referrers(root, 0)


def _row(planned: PlannedArtifact, depth: int) -> tuple[str, ...]:
    entry = planned.entry
    name = named(entry.reference)
    name = f"{'  ' * (depth - 1)}└ {name}" if depth else name
    kind = describe_kind(planned.kind, entry.artifact_type, len(entry.children))
    return planned.state.value, name, short(entry.digest), kind, human_size(entry.size)


def _summary(plan: Plan) -> list[str]:
    """The counts, the bytes to move, and the missing artifacts."""
    counts = ", ".join(f"{len(plan.of(state)):,} {state}" for state in ArtifactState if plan.of(state))
    least, most = plan.runs
    runs = plural(least, "run") if least == most else f"{least} to {most} runs"
    lines = [f"{plural(len(plan.artifacts), 'artifact')}: {counts or 'none'}"]
    if plan.moving:
        lines.append(f"{human_size(plan.bytes_to_move)} to move, shared layers counted once; {runs}")
    missing = [f"missing: {visible_line(name)}" for name in plan.missing[:_MISSING_SHOWN]]
    if hidden := len(plan.missing) - len(missing):
        missing.append(f"and {hidden:,} more missing: see --json")
    if missing:
        count = plural(len(plan.missing), "artifact")
        lines.append(f"{count} at the target but no longer at the source; the transfer does not change them:")
    return [*lines, *missing]


def plan_json(plan: Plan, lock: Path | None) -> dict[str, Any]:
    """Return the JSON document that docs/plan.md describes."""
    least, most = plan.runs
    counts = {state.value: len(plan.of(state)) for state in ArtifactState}
    return {
        "schema": 1,
        "registry": plan.registry,
        "lock": str(lock) if lock else None,
        "checksum": plan.lock.checksum if plan.moving else None,
        "counts": {
            "artifacts": len(plan.artifacts),
            **counts,
            "missing": len(plan.missing),
            "bytes": plan.bytes_to_move,
            "batches": {"least": least, "most": most},
        },
        "artifacts": [_artifact_json(planned) for planned in plan.artifacts],
        "missing": list(plan.missing),
        "warnings": list(plan.warnings),
        "seconds": round(plan.seconds, 3),
    }


def _artifact_json(planned: PlannedArtifact) -> dict[str, Any]:
    entry = planned.entry
    return {
        "reference": entry.reference,
        "digest": entry.digest,
        "state": planned.state.value,
        "kind": planned.kind.value,
        "artifactType": entry.artifact_type or None,
        "subject": entry.subject or None,
        "size": entry.size,
        "children": len(entry.children),
        "referrers": list(entry.referrers),
    }


def difference_table(found: LockDifference) -> str:
    """Return one line per artifact that differs, and a summary."""
    rows = [
        *(("-", entry.reference, short(entry.digest), "") for entry in found.removed),
        *(("+", entry.reference, "", short(entry.digest)) for entry in found.added),
        *(("~", new.reference, short(old.digest), short(new.digest)) for old, new in found.moved),
    ]
    rows.sort(key=lambda row: (row[1], row[0]))
    colours = {"+": "green", "-": "red", "~": "yellow"}
    lines = _coloured_table(("", "artifact", "before", "after"), rows, colours)
    total = (
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.moved)} moved, "
        f"{found.unchanged} unchanged"
    )
    return "\n".join([*lines, total])


def difference_json(found: LockDifference) -> dict[str, Any]:
    """Return the JSON document that docs/plan.md describes."""

    def entry_json(entry: LockedArtifact) -> dict[str, str]:
        return {"reference": entry.reference, "digest": entry.digest}

    return {
        "schema": 1,
        "added": [entry_json(entry) for entry in found.added],
        "removed": [entry_json(entry) for entry in found.removed],
        "moved": [
            {"reference": new.reference, "before": old.digest, "after": new.digest}
            for old, new in found.moved
        ],
        "unchanged": found.unchanged,
    }
