"""What is in a packed folder: parts of blobs, what they are, and the files that say so.

DIR/handover.json   the hand-over, with size, contentMd5 and sha256 of every blob
DIR/pack.json       every blob and every part on every disk, with the hash of each block
DIR/SHA256SUMS      for `sha256sum -c SHA256SUMS` in DIR: all files of this disk
DIR/parts/          the parts of this disk
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from azure.storage.blob import ContentSettings

from acr_transfer.copy.blocks import Exported
from acr_transfer.errors import InputError
from acr_transfer.model.documents.pack_manifest import PARTS, PackedBlob, PackManifest, PackPart

HANDOVER = "handover.json"
INDEX = "pack.json"
SUMS = "SHA256SUMS"

_LONGEST_NAME = 180
"""Characters of a blob's name that a part's name keeps; file systems take 255 in all."""


def read_pack(folder: Path) -> PackManifest:
    """The manifest in a folder. Raises `ModelError` if it is missing or not whole."""
    return PackManifest.read(folder / INDEX)


def packed_blob(exported: Exported, sha256: str, parts: Sequence[PackPart]) -> PackedBlob:
    """The manifest's entry of a blob."""
    return PackedBlob(
        name=exported.name,
        size=exported.size,
        content_md5=base64.b64encode(exported.md5).decode(),
        sha256=sha256,
        etag=exported.etag,
        content_type=exported.settings.content_type,
        metadata=dict(exported.metadata),
        block_size=exported.block_size,
        parts=tuple(parts),
    )


def exported_blob(packed: PackedBlob) -> Exported:
    """The blob that was packed, as the export run left it."""
    md5 = base64.b64decode(packed.content_md5)
    return Exported(
        name=packed.name,
        size=packed.size,
        md5=md5,
        etag=packed.etag,
        metadata=packed.metadata,
        settings=ContentSettings(content_type=packed.content_type, content_md5=bytearray(md5)),
        block_size=packed.block_size,
    )


def part_name(blob: str, number: int) -> str:
    """A file name that every file system takes, for a part of a blob, from 1."""
    safe = quote(blob, safe="")[:_LONGEST_NAME]
    # Names may be equal but for their case, or for what was cut off.
    return f"{PARTS}/{safe}-{hashlib.sha256(blob.encode()).hexdigest()[:8]}.{number:04}"


def sums(folder: Path, parts: Sequence[PackPart]) -> bytes:
    """The content of `SHA256SUMS` for one disk.

    https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html
    """
    lines = [f"{part.sha256}  {part.file}" for part in parts]
    for name in (HANDOVER, INDEX):
        lines.append(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}")
    return ("\n".join(sorted(lines, key=lambda line: line[66:])) + "\n").encode()


def same_pack(folders: Sequence[Path]) -> tuple[PackManifest, Path]:
    """The pack that all these folders belong to, and a folder that has its index.

    Raises `InputError` if a folder holds no pack, or another one.
    """
    read = {folder: read_pack(folder) for folder in folders}
    first = folders[0]
    for folder, pack in read.items():
        if pack != read[first]:
            raise InputError(
                f"{folder} and {first} are of two packs. Unpack each with the disks that belong to it."
            )
    return read[first], first
