"""The layout of a packed folder.

DIR/handover.json   the hand-over, with size, contentMd5 and sha256 of every blob
DIR/pack.json       the pack manifest: every blob and its parts on all disks, with the hash of each block
DIR/SHA256SUMS      for `sha256sum -c SHA256SUMS` in DIR: all files of this disk
DIR/parts/          the parts of this disk
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from azure.storage.blob import ContentSettings

from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.errors import CopyError, InputError
from acr_transfer.model.documents.pack_manifest import PARTS, PackedBlob, PackManifest, PackPart

HANDOVER = "handover.json"
MANIFEST = "pack.json"
SUMS = "SHA256SUMS"

_LONGEST_NAME = 180
"""Characters of a blob's name in the name of its parts; file systems allow 255 in all."""


@dataclass(frozen=True, kw_only=True)
class PackOnDisks:
    """The folders of one pack, or the available ones, and its manifest."""

    folders: Sequence[Path]
    manifest: PackManifest

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Self:
        """Read the manifest of each folder.

        Raises `ModelError` for a folder without a valid manifest, `InputError` if the manifests differ.
        """
        first, *others = folders
        manifest = PackManifest.read(first / MANIFEST)
        for folder in others:
            if PackManifest.read(folder / MANIFEST) != manifest:
                raise InputError(
                    f"{folder} and {first} belong to different packs. Unpack each pack with its own disks."
                )
        return cls(folders=folders, manifest=manifest)

    def find(self, part: PackPart) -> Path | None:
        """The file of a part; None if no folder has it."""
        paths = (folder / part.file for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)

    def check_sizes(self) -> None:
        """Raise `CopyError` if the size of a part's file is not the packed one."""
        faults = []
        for part in (part for blob in self.manifest.blobs for part in blob.parts):
            path = self.find(part)
            if path and (size := path.stat().st_size) != part.size:
                faults.append(f"{path}: {size} bytes; expected {part.size}")
        if faults:
            raise CopyError(
                "these parts are damaged; copy them from the disk again:\n  " + "\n  ".join(faults)
            )


def packed_blob(blob: SourceBlob, sha256: str, parts: Sequence[PackPart]) -> PackedBlob:
    """The manifest's entry of a blob."""
    return PackedBlob(
        name=blob.name,
        size=blob.size,
        content_md5=blob.md5_text,
        sha256=sha256,
        etag=blob.etag,
        content_type=blob.settings.content_type,
        metadata=dict(blob.metadata),
        block_size=blob.block_size,
        parts=tuple(parts),
    )


def source_blob(packed: PackedBlob) -> SourceBlob:
    """The blob as the export run wrote it."""
    md5 = base64.b64decode(packed.content_md5)
    return SourceBlob(
        name=packed.name,
        size=packed.size,
        md5=md5,
        etag=packed.etag,
        metadata=packed.metadata,
        settings=ContentSettings(content_type=packed.content_type, content_md5=bytearray(md5)),
        block_size=packed.block_size,
    )


def part_name(blob: str, number: int) -> str:
    """The path of a part, counted from 1; its name is valid on every file system."""
    safe = quote(blob, safe="")[:_LONGEST_NAME]
    # The hash distinguishes names that differ only in case, or after the cut.
    return f"{PARTS}/{safe}-{hashlib.sha256(blob.encode()).hexdigest()[:8]}.{number:04}"


def sums(folder: Path, parts: Sequence[PackPart]) -> bytes:
    """The content of `SHA256SUMS` for one disk.

    https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html
    """
    lines = [f"{part.sha256}  {part.file}" for part in parts]
    for name in (HANDOVER, MANIFEST):
        lines.append(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}")
    return ("\n".join(sorted(lines, key=lambda line: line[66:])) + "\n").encode()
