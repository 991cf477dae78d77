"""The result of `pack`, as a table or as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acr_transfer.cli.table import table
from acr_transfer.model.documents.pack_manifest import PackManifest
from acr_transfer.units import human_size, plural

_PART = {"file", "disk", "size", "sha256"}
_REPORTED: Any = {"name": True, "size": True, "sha256": True, "parts": {"__all__": _PART}}
"""The properties of a blob in the report for machines."""


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
