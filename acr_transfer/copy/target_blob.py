"""A blob at the target: its staged blocks, and the commit that makes it visible.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobProperties

from acr_transfer.azure.content.checksums import Checksum, crc64, is_azure, md5
from acr_transfer.azure.content.client import ContentClient, SourceError
from acr_transfer.azure.content.pipe import Piped, pipe
from acr_transfer.azure.found_blobs import FoundBlobs
from acr_transfer.azure.storage_limits import ANSWER_SECONDS, blob_client, storage_request
from acr_transfer.copy.blocks import CATEGORY, Block, SourceBlob, by_lower_name, category
from acr_transfer.copy.source import SourceContainer
from acr_transfer.errors import CopyError, TransferError, error_code, host

_CONFLICT = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
"""Statuses of a write whose condition the target does not meet."""

_TARGET_CHANGED = ("BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet")
"""Codes of a copy from a URL whose condition the target does not meet; the source's has another code.

https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

_FETCH_RATE = 1024 * 1024
"""Bytes a second that the storage services have at least between them: slower, a request times out."""

Advance = Callable[[str, int, bool], None]


class TargetBlob:
    """One blob at the target, from the check whether it exists to its commit."""

    def __init__(self, blob: SourceBlob, found: FoundBlobs, content: ContentClient, advance: Advance) -> None:
        """`found` are the blobs of the target's container, whose content is `content`."""
        self.blob, self.content, self.throttle = blob, content, content.throttle
        self.sent = 0
        """Bytes that were sent to it in this run."""

        self.progress = 0
        """The same, and the bytes of blocks that an earlier run has sent."""

        self._client = blob_client(content.container, blob.name)
        self.host = host(self._client.url)
        self._advance = advance
        self._existing = found.committed.get(blob.name)
        is_new = self._existing is None and blob.name not in found.uncommitted
        self._staged: set[str] | None = set() if is_new else None
        self._server = found.server

    @property
    def is_absent(self) -> bool:
        """Whether no blob of its name was found."""
        return self._existing is None

    @property
    def is_present(self) -> bool:
        """Whether a blob was found that the import trigger takes for the same one."""
        return self._existing is not None and self._equals(self._existing)

    async def staged(self) -> set[str]:
        """The IDs of the uncommitted blocks, which an earlier run sent; read once, if there can be any."""
        if self._staged is None:
            with storage_request(f"listing the blocks of blob {self.blob.name}", self.host):
                try:
                    _, uncommitted = await self._client.get_block_list(
                        "uncommitted", raw_response_hook=self._note_server
                    )
                except ResourceNotFoundError:
                    uncommitted = []
            self._staged = {block.id for block in uncommitted}
        return self._staged

    def checksum(self, content: bytes | memoryview) -> Checksum:
        """The cheapest checksum of a block that the service checks, after `staged`. Takes milliseconds."""
        return crc64(content) if is_azure(self._server) else md5(content)

    async def stage(
        self, block_id: str, content: bytes | memoryview, checksum: Checksum | None = None
    ) -> None:
        """Send a block with a checksum, which the service checks; a staged block is not sent again."""
        if block_id in await self.staged():
            self.count(len(content), sent=False)
            return
        if checksum is None:
            checksum = await asyncio.to_thread(self.checksum, content)
        with storage_request(f"writing blob {self.blob.name}", self.host, needs="to write blobs"):
            try:
                await self.content.put_block(self.blob.name, block_id, content, checksum.headers)
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

    async def pipe(self, source: SourceContainer) -> bool:
        """Copy the blob as one request, whose MD5 the service checks before the blob exists.

        Returns False if it must be copied by blocks: an earlier run has left some, or the content differed
        from the source's MD5, and blocks show where. Raises `CopyError` if the source has changed.
        """
        blob, sent = self.blob, 0

        def moved(size: int) -> None:
            nonlocal sent
            if size != sent:
                self.count(size - sent, sent=True)
            sent = size

        with storage_request(f"writing blob {blob.name}", self.host, needs="to write blobs"):
            try:
                written: str | None = await pipe(source.content, self.content, self._piped(), moved)
            except (AzureError, TransferError) as error:
                moved(0)
                written = await self._after_refusal(error, source)
        if written is None:
            return False
        moved(blob.size)
        await self._check(written)
        return True

    async def _after_refusal(self, error: Exception, source: SourceContainer) -> str | None:
        """The ETag of an equal blob; None if blocks can copy the blob. Else raises the error."""
        if isinstance(error, SourceError):
            with source.reading(self.blob):
                raise error.cause from None
        if isinstance(error, HttpResponseError) and error_code(error) == "Md5Mismatch":
            return None
        if isinstance(error, HttpResponseError) and error.status_code in _CONFLICT:
            return await self._conflicting()
        raise error

    def _piped(self) -> Piped:
        exists, blob = self._existing, self.blob
        condition = {"If-None-Match": "*"} if exists is None else {"If-Match": str(exists.etag)}
        headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": blob.md5_text}
        headers |= {**condition, **blob.property_headers()}
        return Piped(name=blob.name, etag=blob.etag, size=blob.size, headers=headers)

    async def _conflicting(self) -> str | None:
        """The ETag of the blob that a refused write found, None if there are only uncommitted blocks.

        Raises `CopyError` if another client wrote it: after a retry, it may be this run's own.
        """
        current = await self._properties()
        if current is None:
            return None
        if not self._equals(current):
            raise self._written_by_another()
        return str(current.etag)

    def _written_by_another(self) -> CopyError:
        return CopyError(
            f"blob {self.blob.name}: another client wrote it at the target during the copy. "
            "That blob was kept; run again."
        )

    async def fetch(self, link: str) -> str | None:
        """Let the target's storage read the source's version by a link, and compare its MD5.

        Returns the ETag of the blob, for `finish`; None if only blocks can copy it, because an earlier run
        has left some. Raises `AzureError`.
        """
        blob = self.blob
        try:
            fetched = await self._client.upload_blob_from_url(
                link,
                headers=blob.property_headers(),
                source_content_md5=bytearray(blob.md5),
                source_etag=blob.etag,
                source_match_condition=MatchConditions.IfNotModified,
                read_timeout=_longest_fetch(blob.size),
                **self._condition(),
            )
        except HttpResponseError as error:
            if error_code(error) not in _TARGET_CHANGED:
                raise
            return await self._conflicting()
        return str(fetched["etag"])

    async def finish(self, written: str) -> None:
        """Check the blob whose ETag is `written`, which the target's storage read completely."""
        self.count(self.blob.size, sent=True)
        await self._check(written)

    async def fetch_block(self, block: Block, link: str) -> None:
        """Let the target's storage read a block of the source's version by a link. Raises `AzureError`."""
        await self._client.stage_block_from_url(
            self.blob.block_id(block),
            link,
            block.start,
            block.length,
            headers={"x-ms-source-if-match": self.blob.etag},
            read_timeout=_longest_fetch(block.length),
        )

    async def commit(self, block_ids: Sequence[str]) -> None:
        """Make the blob visible with all its properties, unless another client wrote it in the meantime."""
        with storage_request(f"committing blob {self.blob.name}", self.host, needs="to write blobs"):
            try:
                committed = await self._client.commit_block_list(
                    [BlobBlock(block_id) for block_id in block_ids],
                    content_settings=self.blob.settings,
                    metadata=dict(self.blob.metadata),
                    validate_content=True,
                    **self._condition(),
                )
                written = str(committed.get("etag"))
            except (ResourceModifiedError, ResourceExistsError):
                found = await self._conflicting()
                if found is None:
                    raise self._written_by_another() from None
                written = found
        await self._check(written)

    def _condition(self) -> dict[str, Any]:
        """The condition of a write by Azure's client: the blob is still as it was found."""
        if self._existing is None:
            return {"match_condition": MatchConditions.IfMissing}
        return {"match_condition": MatchConditions.IfNotModified, "etag": self._existing.etag}

    def count(self, size: int, *, sent: bool) -> None:
        """Report staged bytes; `sent`: this run had to send them."""
        self.sent += size if sent else 0
        self.progress += size
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

    def _note_server(self, response: Any) -> None:
        self._server = response.http_response.headers.get("Server", "")

    async def _check(self, written: str) -> None:
        """Compare the properties of the blob whose ETag is `written` with the source's."""
        with storage_request(f"checking blob {self.blob.name}", self.host):
            found = await self._client.get_blob_properties()
        source = self.blob
        checks = {
            "size, MD5 or category": self._equals(found),
            "metadata": by_lower_name(found.metadata) == by_lower_name(source.metadata),
            # The service sets a content type on a blob that has none.
            "content type": source.settings.content_type in (None, found.content_settings.content_type),
        }
        if not checks["size, MD5 or category"] and found.etag != written:
            raise self._written_by_another()
        if wrong := [name for name, same in checks.items() if not same]:
            raise CopyError(
                f"blob {source.name}: {', '.join(wrong)} at the target differ from the source, "
                "so the import trigger may ignore it. Run again."
            )


def _longest_fetch(size: int) -> float:
    """Seconds until the target's storage has read `size` bytes from the source, or never will."""
    return ANSWER_SECONDS + size / _FETCH_RATE
