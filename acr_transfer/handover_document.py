"""The hand-over as a document: what `hop` reads of it, and what `pack` adds. Keys not known here are kept.

`docs/handover.schema.json` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acr_transfer import documents
from acr_transfer.azure.stacks import Stack
from acr_transfer.handover import MEND, faults


def read(path: Path) -> dict[str, Any]:
    """The hand-over in a file, or an `InputError` that lists every fault."""
    return documents.read(path, "hand-over", faults, MEND)


def of_stack(stack: Stack) -> dict[str, Any]:
    """The hand-over that a source stack gives out, or a `StackError` if there is none that can be read."""
    stack.handover()
    found = dict(stack.outputs["handover"])
    if "checksum" in found:
        what = f"the hand-over of stack {stack.name!r}"
        documents.checked(found, what, faults, f"Run `pulumi up --stack {stack.name}` again.")
    return found


def names(handover: Mapping[str, Any]) -> list[str]:
    """The names of its blobs."""
    return [str(blob["name"]) for blob in handover["blobs"]]


def renewed(handover: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the checksum that fits it."""
    return {**handover, "checksum": documents.checksum(handover)}
