"""The hand-over: what a source stack tells the other side, from its output or from a file.

`docs/handover.schema.json` describes it. Keys that are not known here are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer import documents
from transfer.stacks import Stack

_MEND = "Write it anew: pulumi stack output handover --stack <source stack> > handover.json"


def read(path: Path) -> dict[str, Any]:
    """The hand-over in a file, or an `InputError` that lists every fault."""
    return documents.read(path, "the hand-over", _faults, _MEND)


def of_stack(stack: Stack) -> dict[str, Any]:
    """The hand-over that a source stack gives out, or a `StackError` if there is none that can be read."""
    stack.handover()
    found = dict(stack.outputs["handover"])
    if "checksum" in found:
        documents.checked(found, f"the hand-over of stack {stack.name!r}", _faults, "Run `pulumi up` again.")
    return found


def names(handover: Mapping[str, Any]) -> list[str]:
    """The names of its blobs."""
    return [str(blob["name"]) for blob in handover["blobs"]]


def renewed(handover: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the checksum that fits it."""
    return {**handover, "checksum": documents.checksum(handover)}


def _faults(handover: Mapping[str, Any]) -> documents.Faults:
    source, blobs = handover.get("source"), handover.get("blobs")
    if not isinstance(source, dict):
        yield f"source: {source!r}; expected an object with loginServer and containerUrl"
    else:
        for key in ("loginServer", "containerUrl"):
            yield from documents.text_fault(source.get(key), f"source.{key}")
    if not isinstance(blobs, list):
        yield f"blobs: {blobs!r}; expected a list"
        return
    for number, blob in enumerate(blobs):
        if not isinstance(blob, dict) or not isinstance(blob.get("artifacts"), list):
            yield f"blobs[{number}]: expected an object with name and artifacts"
        else:
            yield from documents.text_fault(blob.get("name"), f"blobs[{number}].name")
