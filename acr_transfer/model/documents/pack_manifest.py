"""The pack manifest: every blob of a pack and its parts on all disks. docs/pack.schema.json describes it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, model_validator

from acr_transfer.model.documents.fields import AnyText, Bounded, Bytes, Form, Whole, fault
from acr_transfer.model.documents.handover import BlobName
from acr_transfer.model.documents.json_document import Document, Record

PARTS = "parts"
"""The folder of the parts on each disk."""

_Sha256 = Annotated[str, Form(r"[0-9a-f]{64}", "64 hex digits")]
_Number = Annotated[int, Whole("a whole number, at least 1", 1)]


class PackPart(Record):
    """One file of a pack: consecutive blocks of a blob."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Form(rf"{PARTS}/(?!\.)[A-Za-z0-9._%~-]{{1,255}}", f"the name of a file in {PARTS}/")]
    """The path in the folder, with slashes."""

    disk: _Number
    """The number of its disk, from 1."""

    start: Bytes
    """The offset of its content in the blob."""

    length: Bytes
    """The bytes of its content."""

    size: Bytes
    """The bytes of the file."""

    sha256: _Sha256
    """The SHA-256 of the file."""

    blocks: Annotated[tuple[_Sha256, ...], Bounded()]
    """The SHA-256 of each block of its content."""


class PackedBlob(Record):
    """One blob of a pack, with the properties that it needs at the target."""

    name: BlobName
    """The blob's name in its container."""

    size: Bytes
    """The blob's bytes."""

    content_md5: Annotated[str, Form(r"[A-Za-z0-9+/]{22}==", "16 bytes in base64")]
    """The MD5 of its bytes in base64."""

    sha256: _Sha256
    """The SHA-256 of its bytes."""

    etag: AnyText
    """The version of the source blob that was read."""

    content_type: AnyText | None
    """Its content type."""

    metadata: dict[str, AnyText]
    """Its metadata."""

    block_size: _Number
    """The bytes of each block but the last."""

    parts: Annotated[tuple[PackPart, ...], Bounded()]
    """Its parts, in order; together they hold the blob once."""

    @model_validator(mode="after")
    def _is_covered_once(self) -> Self:
        at = 0
        for part in self.parts:
            if part.start != at or len(part.blocks) != -(-part.length // self.block_size):
                raise fault(f"has the part {part.file}, which does not continue the part before it")
            at += part.length
        if at != self.size:
            raise fault(f"has parts of {at} bytes in all; expected {self.size}")
        return self


class PackManifest(Document):
    """The file `pack.json`. `acr-transfer pack` writes it to every disk for `acr-transfer unpack`."""

    kind: ClassVar[str] = "pack manifest"
    fix: ClassVar[str] = "copy {path} again from its disk, or pack again: acr-transfer pack"

    disks: _Number
    """The number of disks."""

    encryption: Literal["age"] | None
    """`age` if every part is an age file; null if the parts are not encrypted."""

    blobs: Annotated[tuple[PackedBlob, ...], Bounded()]
    """Every blob of the hand-over."""

    @property
    def encrypted(self) -> bool:
        """Whether the parts are age files."""
        return self.encryption is not None
