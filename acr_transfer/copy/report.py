"""What came of `hop`, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from acr_transfer.cli.table import table
from acr_transfer.copy.hop import Carried, Outcome
from acr_transfer.units import human_size


def hop_table(carried: Sequence[Carried], seconds: float, way: str = "") -> str:
    """One line a blob, then what it came to, and which way it took if that was found out."""
    rows = [(blob.name, human_size(blob.size), _outcome(blob)) for blob in carried]
    counts = Counter(blob.outcome for blob in carried)
    parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    total = human_size(sum(blob.size for blob in carried))
    lines = [table(("blob", "size", "outcome"), rows, right=(1,)), f"{parts}: {total} in {seconds:.1f} s"]
    return "\n".join([*lines, way] if way else lines)


def _outcome(blob: Carried) -> str:
    there = blob.size - blob.sent
    if blob.outcome is not Outcome.COPIED or not there:
        return blob.outcome
    return f"{blob.outcome}; {human_size(there)} were there from an earlier run"


def hop_json(carried: Sequence[Carried], seconds: float) -> dict[str, Any]:
    """The same for machines; `docs/hop.md` describes it."""
    return {"schema": 1, "seconds": round(seconds, 3), "blobs": [_blob(blob) for blob in carried]}


def _blob(blob: Carried) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": blob.name,
        "size": blob.size,
        "contentMd5": blob.md5_text,
        "outcome": blob.outcome.value,
        "sentBytes": blob.sent,
        "way": blob.way.value if blob.way else None,
    }
    return described | ({"error": str(blob.error)} if blob.error else {})
