"""What is in a packed folder: parts of blobs, what they are, and the files that say so.

DIR/handover.json   the hand-over, with size, contentMd5 and sha256 of every blob
DIR/pack.json       every blob and every part on every disk, with the hash of each block
DIR/SHA256SUMS      for `sha256sum -c SHA256SUMS` in DIR: all files of this disk
DIR/parts/          the parts of this disk
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from azure.storage.blob import ContentSettings

from acr_transfer import documents
from acr_transfer.copy.blocks import Exported
from acr_transfer.errors import InputError

HANDOVER = "handover.json"
INDEX = "pack.json"
SUMS = "SHA256SUMS"
PARTS = "parts"

_LONGEST_NAME = 180
"""Characters of a blob's name that a part's name keeps; file systems take 255 in all."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a pack: a run of a blob's blocks."""

    file: str
    """Path in the folder, with slashes."""

    disk: int
    """Number of the folder that it is in, from 1."""

    start: int
    length: int
    """Where in the blob its content begins, and how many bytes that is."""

    size: int
    sha256: str
    """Of the file as it is on the disk."""

    blocks: tuple[str, ...]
    """SHA-256 of each block of content in it."""


@dataclass(frozen=True, kw_only=True)
class PackedBlob:
    """A blob in a pack."""

    exported: Exported
    sha256: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A whole pack, on as many disks as it took."""

    disks: int
    encrypted: bool
    blobs: tuple[PackedBlob, ...]

    def document(self) -> dict[str, Any]:
        """As it stands in `pack.json`."""
        found: dict[str, Any] = {
            "schema": 1,
            "disks": self.disks,
            "encryption": "age" if self.encrypted else None,
            "blobs": [_blob_document(blob) for blob in self.blobs],
        }
        return {**found, "checksum": documents.checksum(found)}


def _blob_document(blob: PackedBlob) -> dict[str, Any]:
    exported = blob.exported
    return {
        "name": exported.name,
        "size": exported.size,
        "contentMd5": base64.b64encode(exported.md5).decode(),
        "sha256": blob.sha256,
        "etag": exported.etag,
        "contentType": exported.settings.content_type,
        "metadata": dict(exported.metadata),
        "blockSize": exported.block_size,
        "parts": [{**asdict(part), "blocks": list(part.blocks)} for part in blob.parts],
    }


def read_pack(folder: Path) -> Pack:
    """What `pack.json` of a folder says, or an `InputError` if it is not there or not whole."""
    document = documents.read(
        folder / INDEX, "the pack's index", _faults, "Copy it again from the disk, or pack again."
    )
    return Pack(
        disks=document["disks"],
        encrypted=document["encryption"] == "age",
        blobs=tuple(_packed(blob) for blob in document["blobs"]),
    )


def _packed(blob: Mapping[str, Any]) -> PackedBlob:
    md5 = base64.b64decode(blob["contentMd5"])
    exported = Exported(
        name=blob["name"],
        size=blob["size"],
        md5=md5,
        etag=blob["etag"],
        metadata=blob["metadata"],
        settings=ContentSettings(content_type=blob["contentType"], content_md5=bytearray(md5)),
        block_size=blob["blockSize"],
    )
    parts = tuple(Part(**{**part, "blocks": tuple(part["blocks"])}) for part in blob["parts"])
    return PackedBlob(exported=exported, sha256=blob["sha256"], parts=parts)


def _faults(document: Mapping[str, Any]) -> documents.Faults:
    if not isinstance(document.get("disks"), int):
        yield "disks: expected how many there are"
    blobs = document.get("blobs")
    if not isinstance(blobs, list):
        yield "blobs: expected a list"
        return
    for number, blob in enumerate(blobs):
        try:
            packed = _packed(blob)
        except (KeyError, TypeError, AttributeError, binascii.Error) as error:
            yield f"blobs[{number}]: {type(error).__name__} {error}"
        else:
            yield from _part_faults(packed, number)


def _part_faults(packed: PackedBlob, number: int) -> documents.Faults:
    """Parts must cover the blob once, and stay in their folder."""
    at = 0
    for part in packed.parts:
        name = part.file.removeprefix(f"{PARTS}/")
        if "/" in name or "\\" in name or name in ("", ".", "..") or name == part.file:
            yield f"blobs[{number}]: a part is named {part.file!r}; expected a file in {PARTS}/"
        if part.start != at or len(part.blocks) != -(-part.length // packed.exported.block_size):
            yield f"blobs[{number}]: part {part.file!r} does not begin where the one before ends"
        at += part.length
    if at != packed.exported.size:
        yield f"blobs[{number}]: the parts hold {at} bytes of {packed.exported.size}"


def part_name(blob: str, number: int) -> str:
    """A file name that every file system takes, for a part of a blob, from 1."""
    safe = quote(blob, safe="")[:_LONGEST_NAME]
    # Names may be equal but for their case, or for what was cut off.
    return f"{PARTS}/{safe}-{hashlib.sha256(blob.encode()).hexdigest()[:8]}.{number:04}"


def sums(folder: Path, parts: Sequence[Part]) -> bytes:
    """The content of `SHA256SUMS` for one disk.

    https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html
    """
    lines = [f"{part.sha256}  {part.file}" for part in parts]
    for name in (HANDOVER, INDEX):
        lines.append(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}")
    return ("\n".join(sorted(lines, key=lambda line: line[66:])) + "\n").encode()


def same_pack(folders: Sequence[Path]) -> tuple[Pack, Path]:
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
