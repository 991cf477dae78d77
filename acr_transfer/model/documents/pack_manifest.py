"""The pack manifest: every blob of a pack and its parts on all disks. docs/pack.schema.json describes it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from acr_transfer.model.documents.fields import AnyText, Bounded, Bytes, FewEntries, Form, Whole, fault
from acr_transfer.model.documents.handover import BlobName
from acr_transfer.model.documents.json_document import Document, Record
from acr_transfer.model.limits import BLOCK_BYTES, BLOCKS
from acr_transfer.model.references import listed, repeated
from acr_transfer.model.resource_names import HEADER_VALUE, METADATA

PARTS = "parts"
"""The folder of the parts on each disk."""

_Sha256 = Annotated[str, Form(r"[0-9a-f]{64}", "64 hex digits")]
_Number = Annotated[int, Whole("a whole number, at least 1", 1)]
_HeaderValue = Annotated[str, Form(HEADER_VALUE.pattern, HEADER_VALUE.expected)]
_MetadataName = Annotated[str, Form(METADATA.pattern, METADATA.expected)]
_Version = Annotated[str, Form(r"[0-9a-f]{16}", "16 hex digits")]
_Readers = Annotated[str, Form(r"([0-9a-f]{64})?", "64 hex digits, or an empty text")]


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


class JournalEntry(Record):
    """A line of the journal: a part that is finished while its pack is not."""

    model_config = ConfigDict(extra="forbid")

    version: _Version
    """The version of the part's blob."""

    readers: _Readers
    """The SHA-256 of the public keys that the part is encrypted for; empty if it is not encrypted."""

    part: PackPart


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

    content_type: _HeaderValue | None
    """Its content type."""

    metadata: Annotated[dict[_MetadataName, _HeaderValue], FewEntries]
    """Its metadata."""

    block_size: Annotated[int, Whole(f"1 to {BLOCK_BYTES} bytes", 1, BLOCK_BYTES)]
    """The bytes of each block but the last."""

    parts: Annotated[tuple[PackPart, ...], Bounded()]
    """Its parts, in order; together they hold the blob once."""

    @model_validator(mode="after")
    def _is_covered_once(self) -> Self:
        at = 0
        for part in self.parts:
            # A part ends where a block ends, so that no two blocks have one number.
            if part.start != at or at % self.block_size or len(part.blocks) != self._blocks(part.length):
                raise fault(f"has the part {part.file}, which does not continue the part before it")
            at += part.length
        if at != self.size:
            raise fault(f"has parts of {at} bytes in all; expected {self.size}")
        if self._blocks(self.size) > BLOCKS:
            raise fault(f"has {self._blocks(self.size)} blocks; a blob has at most {BLOCKS}")
        return self

    def _blocks(self, size: int) -> int:
        return -(-size // self.block_size)


class PackManifest(Document):
    """The file `pack.json`. `acr-transfer pack` writes it to every disk for `acr-transfer unpack`."""

    kind: ClassVar[str] = "pack manifest"
    fix: ClassVar[str] = "copy {path} again from its disk, or pack again: acr-transfer pack"

    disks: _Number
    """The number of disks."""

    encryption: Literal["age"] | None
    """`age` if every part is an age file; null if the parts are not encrypted."""

    readers: _Readers = ""
    """The SHA-256 of the public keys that the parts are encrypted for; empty if they are not encrypted."""

    blobs: Annotated[tuple[PackedBlob, ...], Field(min_length=1), Bounded()]
    """Every blob of the hand-over."""

    @model_validator(mode="after")
    def _is_one_pack(self) -> Self:
        parts = [part for blob in self.blobs for part in blob.parts]
        # Disks may not distinguish upper case from lower case.
        names = [*(part.file.lower() for part in parts), *(blob.name for blob in self.blobs)]
        if twice := repeated(names):
            raise fault(f"repeats {listed(twice)}; the names of blobs and of parts must be unique")
        for part in parts:
            if part.disk > self.disks:
                raise fault(f"has the part {part.file} on disk {part.disk} of {self.disks}")
            if (part.size > part.length) != self.encrypted:
                raise fault(f"has the part {part.file}, whose size does not fit the encryption")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether the parts are age files."""
        return self.encryption is not None
