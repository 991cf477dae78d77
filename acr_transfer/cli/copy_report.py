"""The result of `hop`, `unpack` and `pack`, as a table or as JSON."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.table import table
from acr_transfer.copy.result import CopyResult, Outcome
from acr_transfer.model.documents.pack_manifest import PackManifest
from acr_transfer.units import human_size, plural

_PART = {"file", "disk", "size", "sha256"}
_REPORTED: Any = {"name": True, "size": True, "sha256": True, "parts": {"__all__": _PART}}
"""The properties of a blob in the report for machines."""


def print_copies(
    console: Console, results: Sequence[CopyResult], seconds: float, notes: Sequence[str] = ()
) -> int:
    """Print the results, and the failures on stderr; return the exit code."""
    console.result(lambda: copy_json(results, seconds, notes), lambda: copy_table(results, seconds, notes))
    failures = [result.error for result in results if result.error]
    for failure in failures:
        console.error(str(failure))
    return failures[0].exit_code if failures else 0


def copy_table(results: Sequence[CopyResult], seconds: float, notes: Sequence[str] = ()) -> str:
    """One line for each blob, then the totals and the notes."""
    rows = [(result.blob.name, human_size(result.blob.size), _outcome(result)) for result in results]
    counts = Counter(result.outcome for result in results)
    parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    total = human_size(sum(result.blob.size for result in results))
    lines = [table(("blob", "size", "outcome"), rows, right=(1,)), f"{parts}: {total} in {seconds:.1f} s"]
    return "\n".join([*lines, *notes])


def _outcome(result: CopyResult) -> str:
    staged = result.blob.size - result.sent
    if result.outcome is not Outcome.COPIED or not staged:
        return result.outcome
    return f"{result.outcome}; {human_size(staged)} were staged by an earlier run"


def copy_json(results: Sequence[CopyResult], seconds: float, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The report for machines; `docs/hop.md` describes it."""
    blobs = [_blob(result) for result in results]
    return {"schema": 1, "seconds": round(seconds, 3), "blobs": blobs, "notes": list(notes)}


def _blob(result: CopyResult) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": result.blob.name,
        "size": result.blob.size,
        "contentMd5": result.blob.md5_text,
        "outcome": result.outcome.value,
        "sentBytes": result.sent,
        "way": result.mode.value if result.mode else None,
    }
    return described | ({"error": str(result.error)} if result.error else {})


def pack_table(manifest: PackManifest, folders: Sequence[Path], seconds: float) -> str:
    """One line for each blob and each disk, the totals, and the command that checks a disk."""
    rows = []
    for blob in manifest.blobs:
        disks = ", ".join(map(str, sorted({part.disk for part in blob.parts}))) or "-"
        rows.append((blob.name, human_size(blob.size), str(len(blob.parts)), disks))
    lines = [table(("blob", "size", "parts", "disk"), rows, right=(1, 2))]
    for number, folder in enumerate(folders, start=1):
        parts = [part for blob in manifest.blobs for part in blob.parts if part.disk == number]
        size = human_size(sum(part.size for part in parts))
        lines.append(f"disk {number}: {folder}, {plural(len(parts), 'part')}, {size}")
    total = human_size(sum(blob.size for blob in manifest.blobs))
    kind = ", encrypted" if manifest.encrypted else ""
    lines.append(f"{plural(len(manifest.blobs), 'blob')}, {total}{kind}, in {seconds:.1f} s")
    lines.append("To check a disk on either side: cd DIR && sha256sum -c SHA256SUMS")
    return "\n".join(lines)


def pack_json(manifest: PackManifest, folders: Sequence[Path], seconds: float) -> dict[str, Any]:
    """The report for machines; `docs/pack.md` describes it."""
    return {
        "schema": 1,
        "seconds": round(seconds, 3),
        "encrypted": manifest.encrypted,
        "disks": [str(folder) for folder in folders],
        "blobs": [blob.model_dump(include=_REPORTED) for blob in manifest.blobs],
    }
