"""The blobs in the container of a side."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from acr_transfer.errors import BrokenAnswerError, host
from acr_transfer.model.resource_names import BLOB

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import ContainerClient

_MOST_PAGES = 100


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
    """The blobs of a container, without those whose names could lead out of it.

    Raises `BrokenAnswerError` for a list that does not end.
    """
    from acr_transfer.azure.storage_limits import storage_request
    from acr_transfer.copy.blocks import CATEGORY, category

    with storage_request("listing the blobs", host(container.url), needs="to list blobs"):
        listed = [blob async for page in _pages(container) async for blob in page if BLOB.accepts(blob.name)]
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


async def _pages(container: "ContainerClient") -> AsyncIterator[AsyncIterator["BlobProperties"]]:
    """The pages of the list. A page has at most 5,000 blobs."""
    found: Any = container.list_blobs(include=["metadata"]).by_page()
    seen = set[str]()
    async for page in found:
        yield page
        marker = found.continuation_token or ""
        if marker in seen or len(seen) == _MOST_PAGES:
            raise BrokenAnswerError(
                f"listing the blobs at {host(container.url)}: the list does not end. The container of a "
                "transfer has few blobs; check the stack's output containerUrl."
            )
        seen.add(marker)
