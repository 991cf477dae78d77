"""What `clean` found, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acr_transfer.cli.table import table
from acr_transfer.operate.clean import Kind, Leftover
from acr_transfer.units import human_size, plural


def clean_table(found: Sequence[Leftover], *, removed: bool) -> str:
    """One line a leftover, then what it came to and what to do next."""
    done = "removed" if removed else "goes"
    rows = [
        (
            leftover.side,
            leftover.kind,
            leftover.name,
            human_size(leftover.size) if leftover.kind is Kind.BLOB else "-",
            done if leftover.goes else "stays",
            leftover.reason,
        )
        for leftover in found
    ]
    going = [leftover for leftover in found if leftover.goes]
    blobs = [leftover for leftover in going if leftover.kind is Kind.BLOB]
    size = human_size(sum(blob.size for blob in blobs))
    count = f"{plural(len(blobs), 'blob')} ({size}) and {plural(len(going) - len(blobs), 'run')}"
    lines = [table(("side", "kind", "name", "size", "", "why"), rows, right=(3,))] if rows else []
    if not going:
        return "\n".join([*lines, "nothing to remove"])
    return "\n".join([*lines, f"{count} removed" if removed else f"{count} would go; --yes removes them"])


def clean_json(found: Sequence[Leftover], *, removed: bool) -> dict[str, Any]:
    """The same for machines; `docs/pack.md` describes it."""
    return {
        "schema": 1,
        "removed": removed,
        "leftovers": [
            {
                "side": leftover.side,
                "kind": leftover.kind.value,
                "name": leftover.name,
                "size": leftover.size,
                "goes": leftover.goes,
                "reason": leftover.reason,
            }
            for leftover in found
        ],
    }
