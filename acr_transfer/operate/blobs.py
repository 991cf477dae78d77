"""The blobs in the container of a side."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from acr_transfer.errors import explained, host

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """A blob as its container lists it."""

    name: str
    modified: datetime
    size: int
    etag: str
    has_category: bool
    """Whether it has the metadata of a transfer's blob, which a trigger requires."""

    has_md5: bool
    """Whether it has a Content-MD5."""


async def list_blobs(container: "ContainerClient") -> tuple[StoredBlob, ...]:
    """All blobs of a container."""
    from acr_transfer.copy.blocks import CATEGORY, category

    with explained("listing the blobs", host(container.url), needs="to list blobs"):
        listed = [blob async for blob in container.list_blobs(include=["metadata"])]
    return tuple(
        StoredBlob(
            name=blob.name,
            modified=blob.last_modified,
            size=blob.size,
            etag=blob.etag,
            has_category=category(blob.metadata) == CATEGORY,
            has_md5=bool(blob.content_settings.content_md5),
        )
        for blob in listed
    )
