"""A blob at the target: its staged blocks, and the commit that makes it visible.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobProperties
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.storage_limits import blob_client, storage_request
from acr_transfer.azure.throttle import RateLimit, Throttle
from acr_transfer.copy.blocks import CATEGORY, Block, SourceBlob, by_lower_name, category
from acr_transfer.errors import CopyError, error_code, host

_PIECE = 64 * 1024
_LIMITED_PIECE = 16 * 1024
"""Bytes that are written to a connection at once."""

Advance = Callable[[str, int, bool], None]


class TargetBlob:
    """One blob at the target, from the check whether it exists to its commit."""

    def __init__(
        self, blob: SourceBlob, container: ContainerClient, throttle: Throttle, advance: Advance
    ) -> None:
        self.blob, self.throttle = blob, throttle
        self.sent = 0
        """Bytes that were sent to it in this run."""

        self._client = blob_client(container, blob.name)
        self.host = host(self._client.url)
        self._advance = advance
        self._existing: BlobProperties | None = None
        self._staged: set[str] | None = None

    async def exists(self) -> bool:
        """Whether a blob exists that the import trigger takes for the same one."""
        self._existing = await self._properties()
        equal = self._existing is not None and self._equals(self._existing)
        if equal:
            self.count(self.blob.size, sent=False)
        return equal

    async def staged(self) -> set[str]:
        """The IDs of the uncommitted blocks, which an earlier run sent; read once."""
        if self._staged is None:
            with storage_request(f"listing the blocks of blob {self.blob.name}", self.host):
                try:
                    _, uncommitted = await self._client.get_block_list("uncommitted")
                except ResourceNotFoundError:
                    uncommitted = []
            self._staged = {block.id for block in uncommitted}
        return self._staged

    async def stage(self, block_id: str, content: bytes, md5: bytes) -> None:
        """Send a block with its MD5, which the service checks; a staged block is not sent again."""
        if block_id in await self.staged():
            self.count(len(content), sent=False)
            return
        body: Any = _Body(content, self.throttle.sending)
        with storage_request(f"writing blob {self.blob.name}", self.host, needs="to write blobs"):
            try:
                await self._client.stage_block(
                    block_id, body, len(content), transactional_content_md5=bytearray(md5)
                )
            except HttpResponseError as error:
                if error_code(error) == "InvalidBlobOrBlock":
                    raise CopyError(
                        f"blob {self.blob.name}: another tool has left uncommitted blocks at the target, and "
                        "their IDs have another length. The service deletes them a week after the last one "
                        "was sent. To continue now, write an empty blob of that name and delete it (`az "
                        "storage blob upload --data ''`, `az storage blob delete`), then run again."
                    ) from None
                raise
        self.count(len(content), sent=True)

    async def fetch(self, block: Block, link: str, **options: Any) -> None:
        """Let the target's storage read a block of the source's version by a link. Raises `AzureError`."""
        block_id = self.blob.block_id(block)
        await self._client.stage_block_from_url(
            block_id,
            link,
            block.start,
            block.length,
            headers={"x-ms-source-if-match": self.blob.etag},
            **options,
        )
        (await self.staged()).add(block_id)

    async def commit(self, block_ids: Sequence[str]) -> None:
        """Make the blob visible with all its properties, unless another client wrote it in the meantime."""
        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if self._existing is not None:
            condition = {"match_condition": MatchConditions.IfNotModified, "etag": self._existing.etag}
        with storage_request(f"committing blob {self.blob.name}", self.host, needs="to write blobs"):
            try:
                await self._client.commit_block_list(
                    [BlobBlock(block_id) for block_id in block_ids],
                    content_settings=self.blob.settings,
                    metadata=dict(self.blob.metadata),
                    validate_content=True,
                    **condition,
                )
            except (ResourceModifiedError, ResourceExistsError):
                # After a retry, the conflict may be this run's own commit.
                current = await self._properties()
                if current is None or not self._equals(current):
                    raise CopyError(
                        f"blob {self.blob.name}: another client wrote it at the target during the copy. "
                        "That blob was kept; run again."
                    ) from None
        await self._check()

    def count(self, size: int, *, sent: bool) -> None:
        """Report staged bytes; `sent`: this run had to send them."""
        self.sent += size if sent else 0
        self._advance(self.blob.name, size, sent)

    async def _properties(self) -> BlobProperties | None:
        with storage_request(f"reading the properties of blob {self.blob.name}", self.host):
            try:
                return await self._client.get_blob_properties()
            except ResourceNotFoundError as error:
                if error_code(error) == "ContainerNotFound":
                    raise
                return None

    def _equals(self, found: BlobProperties) -> bool:
        md5 = bytes(found.content_settings.content_md5 or b"")
        expected = (self.blob.size, self.blob.md5, CATEGORY)
        return (found.size, md5, category(found.metadata)) == expected

    async def _check(self) -> None:
        """Compare the committed blob's properties with the source's."""
        with storage_request(f"checking blob {self.blob.name}", self.host):
            found = await self._client.get_blob_properties()
        source = self.blob
        checks = {
            "size, MD5 or category": self._equals(found),
            "metadata": by_lower_name(found.metadata) == by_lower_name(source.metadata),
            # The service sets a content type on a blob that has none.
            "content type": source.settings.content_type in (None, found.content_settings.content_type),
        }
        if wrong := [name for name, same in checks.items() if not same]:
            raise CopyError(
                f"blob {source.name}: {', '.join(wrong)} at the target differ from the source, "
                "so the import trigger may ignore it. Run again."
            )


class _Body:
    """A request body, written in pieces without a copy and at a limited rate. It can be sent again."""

    def __init__(self, content: bytes, limit: RateLimit) -> None:
        self._content, self._limit = memoryview(content), limit

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        # Small pieces leave a limited line usable for others.
        size = _LIMITED_PIECE if self._limit.rate else _PIECE
        for start in range(0, len(self._content), size):
            piece = self._content[start : start + size]
            await self._limit.wait(len(piece))
            yield piece
