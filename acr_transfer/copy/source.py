"""The source's container: the exported blobs, and their content."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient, ContainerClient

from acr_transfer.azure.storage_limits import blob_client, storage_request
from acr_transfer.azure.throttle import Throttle
from acr_transfer.concurrency import run_concurrently
from acr_transfer.copy.blocks import CATEGORY, LARGEST_BLOB, Block, SourceBlob, category
from acr_transfer.errors import CopyError, NothingExportedError, error_code, host
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.failures.commands import EMPTY_HANDOVER, NOTHING_EXPORTED
from acr_transfer.model.resource_names import HEADER_VALUE, METADATA

_PROPERTY_REQUESTS = 16
"""Requests for properties in flight."""

_BLOCKS_AHEAD = 4
"""Blocks that are read in advance: 32 MiB."""

_MD5_BYTES = 16
_SMALLEST_PIECE = 64 * 1024


class SourceContainer:
    """Reads the blobs that export runs wrote."""

    def __init__(self, client: ContainerClient, throttle: Throttle) -> None:
        self._client, self._throttle = client, throttle

    async def find(self, names: Sequence[str]) -> list[SourceBlob]:
        """Return the blobs. Raises `NothingExportedError` with every fault of them."""
        if not names:
            raise NothingExportedError(
                "the source stack's hand-over lists no blob: nothing was exported."
            ).led_out(EMPTY_HANDOVER)
        found = await run_concurrently(self._find, list(dict.fromkeys(names)), _PROPERTY_REQUESTS)
        if faults := [fault for fault in found if isinstance(fault, str)]:
            raise NothingExportedError(with_faults("these blobs cannot be copied:", faults)).led_out(
                NOTHING_EXPORTED
            )
        return [blob for blob in found if isinstance(blob, SourceBlob)]

    async def _find(self, name: str) -> SourceBlob | str:
        """The blob, or its fault."""
        with storage_request(
            f"reading blob {name} at the source", host(self._client.url), needs="to read blobs"
        ):
            try:
                properties = await blob_client(self._client, name).get_blob_properties()
            except ResourceNotFoundError as error:
                what = "its container" if error_code(error) == "ContainerNotFound" else "the blob"
                return f"{name}: {what} does not exist: its export run has not succeeded, or it was deleted"
        return _checked(name, properties)

    async def read(self, blob: SourceBlob, block: Block) -> bytes:
        """Return a block of the version that `find` saw. Raises `CopyError` if the blob has changed."""
        client, limit = blob_client(self._client, blob.name), self._throttle.reading
        # Small pieces leave a limited line usable for others.
        piece = max(_SMALLEST_PIECE, int(limit.rate / 4)) if limit.rate else block.length
        content, end = b"", block.start + block.length
        for start in range(block.start, end, piece):
            length = min(piece, end - start)
            await limit.wait(length)
            content += await _read(client, blob, start, length)
        return content

    async def read_ahead(self, blob: SourceBlob, blocks: Sequence[Block]) -> AsyncGenerator[bytes, None]:
        """The content of these blocks, in order; the next blocks are read in advance."""
        reading: deque[asyncio.Task[bytes]] = deque()
        remaining = deque(blocks)

        async def read(block: Block) -> bytes:
            await self._throttle.enter(block.length)
            try:
                return await self.read(blob, block)
            finally:
                self._throttle.leave(block.length)

        try:
            while remaining or reading:
                while remaining and len(reading) < _BLOCKS_AHEAD:
                    reading.append(asyncio.create_task(read(remaining.popleft())))
                yield await reading[0]
                reading.popleft()
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


def _checked(name: str, properties: BlobProperties) -> SourceBlob | str:
    md5 = bytes(properties.content_settings.content_md5 or b"")
    lacking = [] if len(md5) == _MD5_BYTES else ["Content-MD5"]
    if category(properties.metadata) != CATEGORY:
        lacking.append(f"metadata category={CATEGORY}")
    if lacking:
        return (
            f"{name}: has no {' and no '.join(lacking)}, so the import trigger would ignore it. "
            "An export run sets both, so another tool wrote this blob."
        )
    if fault := _fault(properties):
        return f"{name}: {fault}, so it cannot be copied"
    return SourceBlob(
        name=name,
        size=properties.size,
        md5=md5,
        etag=properties.etag,
        metadata=properties.metadata,
        settings=properties.content_settings,
    )


def _fault(properties: BlobProperties) -> str:
    """The property that a copy cannot have; empty if there is none. The source may be anybody's service."""
    content_type = properties.content_settings.content_type or ""
    if not 0 <= properties.size <= LARGEST_BLOB:
        return f"has {properties.size} bytes; a copy has at most {LARGEST_BLOB}"
    if not properties.etag or not all(map(HEADER_VALUE.accepts, [properties.etag, content_type])):
        return "its ETag or content type is not printable ASCII"
    if not all(
        METADATA.accepts(key) and HEADER_VALUE.accepts(value) for key, value in properties.metadata.items()
    ):
        return "its metadata has a name or value that no request can carry"
    return ""


async def _read(client: BlobClient, blob: SourceBlob, start: int, length: int) -> bytes:
    with storage_request(f"reading blob {blob.name}", host(client.url), needs="to read blobs"):
        try:
            stream = await client.download_blob(
                start, length, etag=blob.etag, match_condition=MatchConditions.IfNotModified
            )
            # readall() would hold the content three times.
            chunks = [chunk async for chunk in stream.chunks()]
        except (ResourceModifiedError, ResourceNotFoundError):
            raise CopyError(
                f"blob {blob.name}: source changed or was removed during the copy. "
                "Nothing was committed; run again."
            ) from None
    content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(content) != length:
        raise CopyError(
            f"blob {blob.name}: sizes differ: requested {length} bytes at {start}, received {len(content)}. "
            "Nothing was committed; run again."
        )
    return content
