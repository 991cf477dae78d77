"""The layout of a packed folder.

DIR/handover.json   the hand-over, with size, contentMd5 and sha256 of every blob
DIR/pack.json       the pack manifest: every blob and its parts on all disks, with the hash of each block
DIR/SHA256SUMS      for `sha256sum -c SHA256SUMS` in DIR: all files of this disk
DIR/parts/          the parts of this disk
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from azure.storage.blob import ContentSettings

from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.disk.files import is_on_disk, open_on_disk, sha256_of
from acr_transfer.errors import CopyError, DiskError, InputError
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.documents.pack_manifest import PARTS, PackedBlob, PackManifest, PackPart

HANDOVER = "handover.json"
MANIFEST = "pack.json"
SUMS = "SHA256SUMS"
JOURNAL = ".pack-journal"
"""Exists until the pack is complete: the finished parts."""

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

        Raises `ModelError` or `DiskError` for a folder without a valid manifest, `InputError` if they differ.
        """
        first, *others = folders
        manifest = read_manifest(first)
        for folder in others:
            if read_manifest(folder) != manifest:
                raise InputError(
                    f"{folder} and {first} belong to different packs. Unpack each pack with its own disks."
                )
        return cls(folders=folders, manifest=manifest)

    def find(self, part: PackPart) -> Path | None:
        """The folder with the file of a part; None if no folder has it."""
        return next((folder for folder in self.folders if is_on_disk(folder, part.file)), None)

    def check_sizes(self) -> None:
        """Raise `CopyError` if the size of a part's file is not the packed one."""
        parts = [part for blob in self.manifest.blobs for part in blob.parts]
        if faults := list(filter(None, map(self._size_fault, parts))):
            title = "these parts are damaged; copy them from the disk again:"
            raise CopyError(with_faults(title, faults))

    def _size_fault(self, part: PackPart) -> str:
        if (folder := self.find(part)) is None:
            return ""
        try:
            with open_on_disk(folder, part.file) as file:
                size = os.fstat(file.fileno()).st_size
        except DiskError as error:
            return str(error)
        return "" if size == part.size else f"{folder / part.file}: {size} bytes; expected {part.size}"


def read_manifest(folder: Path) -> PackManifest:
    """Read the manifest of a folder. Raises `ModelError`, or `DiskError` if it is a link."""
    if is_on_disk(folder, MANIFEST):
        with open_on_disk(folder, MANIFEST):
            pass
    return PackManifest.read(folder / MANIFEST)


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
    lines += [f"{sha256_of(folder, name)}  {name}" for name in (HANDOVER, MANIFEST)]
    return ("\n".join(sorted(lines, key=lambda line: line[66:])) + "\n").encode()
