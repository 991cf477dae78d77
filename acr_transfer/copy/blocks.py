"""What a blob is cut into on its way, and how a block at the target tells what it is.

https://learn.microsoft.com/rest/api/storageservices/put-block
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from azure.storage.blob import ContentSettings

CATEGORY = "acr-transfer-blob"
"""Value of the metadata `category` that an export run sets and the import trigger looks for.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

BLOCK_SIZE = 8 * 1024 * 1024

_MOST_BLOCKS = 50_000
"""Blocks that one blob may have.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

_FINGERPRINT = 32
"""Characters of a block's ID that stand for its content."""


class Block(NamedTuple):
    """One piece of a blob."""

    number: int
    start: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A blob as the export run left it: what must be the same at the target, and which version is read."""

    name: str
    size: int
    md5: bytes
    etag: str
    metadata: Mapping[str, str]
    settings: ContentSettings
    block_size: int = field(default=0)
    """Bytes in a block; by default 8 MiB, or more where that would make too many blocks."""

    def __post_init__(self) -> None:
        """Choose the size of blocks, unless it is given."""
        if not self.block_size:
            object.__setattr__(self, "block_size", max(BLOCK_SIZE, -(-self.size // _MOST_BLOCKS)))

    def blocks(self) -> list[Block]:
        """All blocks, in order."""
        starts = range(0, self.size, self.block_size)
        return [
            Block(number, start, min(self.block_size, self.size - start))
            for number, start in enumerate(starts)
        ]

    def block_id(self, block: Block, fingerprint: str = "") -> str:
        """The ID of a block: the version of the blob, the block's place in it, and its content.

        `fingerprint` is a hash of the content in hex, of which 32 characters count; empty when the content
        is not known here. A block that is at the target under its ID is the right one: storage took it only
        with the right Content-MD5. All IDs of a blob are of one length, as storage demands.
        """
        return f"{self.version}-{block.number:05}-{fingerprint[:_FINGERPRINT]:0<{_FINGERPRINT}}"

    @property
    def version(self) -> str:
        """Stands for this content of this blob, and for how it is cut."""
        text = f"{self.etag} {self.md5.hex()} {self.size} {self.block_size}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def category(metadata: Mapping[str, str] | None) -> str | None:
    """The metadata `category`, whatever the case of its name: header names have none."""
    return by_lower_name(metadata or {}).get("category")


def by_lower_name(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata with names that can be compared."""
    return {name.lower(): value for name, value in metadata.items()}
