"""The blocks of a blob, and block IDs that identify their content.

https://learn.microsoft.com/rest/api/storageservices/put-block
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from azure.storage.blob import ContentSettings

from acr_transfer.errors import CopyError
from acr_transfer.model.limits import BLOCK_BYTES, BLOCKS

CATEGORY = "acr-transfer-blob"
"""Value of the metadata `category` that an export run sets and the import trigger requires.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

BLOCK_SIZE = 8 * 1024 * 1024
"""The bytes of one block of a copy; a larger blob than 50,000 of them gets larger blocks."""

PIPED_BLOCKS = 8
"""The most blocks, 64 MiB, of a blob that a streamed copy sends as one request, which is not resumable."""

FETCHED_BYTES = 5000 * 1024 * 1024
"""The largest blob that the target's storage reads from the source in one request.

https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
"""

LARGEST_BLOB = BLOCKS * BLOCK_BYTES
"""The bytes of the largest blob that can be copied, 4.7 TiB."""

_PIPED_SECONDS = 2
"""Seconds that an interruption may repeat where a cap makes a copy slow."""

_WRITTEN = timedelta(seconds=1)
"""The time of a write is stored in whole seconds."""

_FINGERPRINT = 32
"""Characters of a block ID that identify the block's content."""


class Block(NamedTuple):
    """A range of a blob."""

    number: int
    start: int
    length: int


@dataclass(frozen=True, kw_only=True)
class SourceBlob:
    """A blob as an export run wrote it: the properties that the target needs, and the version to read."""

    name: str
    size: int
    md5: bytes
    etag: str
    metadata: Mapping[str, str]
    settings: ContentSettings
    written: datetime | None = None
    """Its last write; None if it is unknown."""

    block_size: int = field(default=0)
    """Bytes in a block; by default 8 MiB, or more if that would give too many blocks."""

    def __post_init__(self) -> None:
        """Set the default block size."""
        if not self.block_size:
            object.__setattr__(self, "block_size", max(BLOCK_SIZE, -(-self.size // BLOCKS)))

    def is_imported(self, started: datetime | None) -> bool:
        """Whether an import run that started then has imported this version: it was not written since."""
        return started is not None and self.written is not None and self.written + _WRITTEN <= started

    def is_piped(self, cap: float | None) -> bool:
        """Whether a streamed copy sends the blob as one request: at most 64 MiB, and two seconds at `cap`."""
        largest = PIPED_BLOCKS * min(self.block_size, BLOCK_SIZE)
        return self.size <= (min(largest, cap * _PIPED_SECONDS) if cap else largest)

    @property
    def md5_text(self) -> str:
        """The MD5 in base64, as in the header Content-MD5."""
        return base64.b64encode(self.md5).decode()

    def blocks(self, start: int = 0, end: int | None = None) -> list[Block]:
        """The blocks, in order: all, or those of a range whose limits are limits of blocks."""
        end = self.size if end is None else end
        return [
            Block(at // self.block_size, at, min(self.block_size, end - at))
            for at in range(start, end, self.block_size)
        ]

    def property_headers(self) -> dict[str, str]:
        """The headers by which Put Blob and Put Blob From URL set all properties and metadata of the blob.

        https://learn.microsoft.com/rest/api/storageservices/put-blob
        https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
        """
        found = {
            "cache-control": self.settings.cache_control,
            "content-type": self.settings.content_type,
            "content-encoding": self.settings.content_encoding,
            "content-language": self.settings.content_language,
            "content-disposition": self.settings.content_disposition,
            "content-md5": self.md5_text,
        }
        properties = {f"x-ms-blob-{name}": value for name, value in found.items() if value}
        return properties | {f"x-ms-meta-{name}": value for name, value in self.metadata.items()}

    def block_id(self, block: Block, fingerprint: str = "") -> str:
        """The ID of a block: the blob's version, the block's number, and its content.

        `fingerprint` is a hash of the content in hex, of which 32 characters are used; empty if the content
        is unknown. A staged block with this ID has the right content, because the service compared it with
        its Content-MD5. All IDs of a blob have the same length, which the service requires.
        """
        return f"{self.version}-{block.number:05}-{fingerprint[:_FINGERPRINT]:0<{_FINGERPRINT}}"

    def check_md5(self, md5: bytes, consequence: str) -> None:
        """Raise `CopyError` if the MD5 of the content differs from the blob's Content-MD5."""
        if md5 != self.md5:
            raise CopyError(
                f"blob {self.name}: hash differs: expected MD5 {self.md5.hex()}, read {md5.hex()}. "
                f"{consequence} Run again; if it fails again, the source's blob is damaged: export it again."
            )

    @property
    def version(self) -> str:
        """Identifies the blob's content and its block size."""
        text = f"{self.etag} {self.md5.hex()} {self.size} {self.block_size}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def category(metadata: Mapping[str, str] | None) -> str | None:
    """The metadata `category`, in any case: metadata names are header names."""
    return by_lower_name(metadata or {}).get("category")


def by_lower_name(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata with names in lower case, for comparison."""
    return {name.lower(): value for name, value in metadata.items()}
