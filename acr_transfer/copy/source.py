"""The source's container: the exported blobs, and their content."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Self

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.content.buffers import Buffers
from acr_transfer.azure.content.client import ContentClient
from acr_transfer.azure.found_blobs import find_blobs
from acr_transfer.azure.storage_limits import storage_request
from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.blocks import CATEGORY, LARGEST_BLOB, Block, SourceBlob, category
from acr_transfer.errors import CopyError, NothingExportedError, host
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.failures.commands import EMPTY_HANDOVER, NOTHING_EXPORTED
from acr_transfer.model.resource_names import HEADER_VALUE, METADATA

_BLOCKS_AHEAD = 4
"""Blocks that are read in advance: 32 MiB."""

_MD5_BYTES = 16
_SMALLEST_PIECE = 64 * 1024


class SourceContainer:
    """Reads the blobs that export runs wrote. An asynchronous context manager, which closes connections."""

    def __init__(self, client: ContainerClient, throttle: Throttle) -> None:
        self._client, self._throttle = client, throttle
        self.content = ContentClient(client, throttle)
        self.buffers = Buffers()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.content.close()

    async def find(self, names: Sequence[str]) -> list[SourceBlob]:
        """Return the blobs. Raises `NothingExportedError` with every fault of them."""
        if not names:
            raise NothingExportedError(
                "the source stack's hand-over lists no blob: nothing was exported."
            ).led_out(EMPTY_HANDOVER)
        found = await self._find(list(dict.fromkeys(names)))
        if faults := [fault for fault in found if isinstance(fault, str)]:
            raise NothingExportedError(with_faults("these blobs cannot be copied:", faults)).led_out(
                NOTHING_EXPORTED
            )
        return [blob for blob in found if isinstance(blob, SourceBlob)]

    async def _find(self, names: Sequence[str]) -> list[SourceBlob | str]:
        """Each blob, or its fault."""
        missing = "the blob"
        with storage_request("reading blobs at the source", host(self._client.url), needs="to read blobs"):
            try:
                found = (await find_blobs(self._client, names)).committed
            except ResourceNotFoundError:
                found, missing = {}, "its container"
            absent = f"{missing} does not exist: its export run has not succeeded, or it was deleted"
            return [_checked(name, found[name]) if name in found else f"{name}: {absent}" for name in names]

    async def read_into(self, blob: SourceBlob, block: Block, buffer: memoryview) -> None:
        """Read a block of the version that `find` saw. Raises `CopyError` if the blob has changed."""
        limit = self._throttle.reading
        # Small pieces leave a limited line usable for others.
        piece = max(_SMALLEST_PIECE, int(limit.rate / 4)) if limit.rate else block.length
        for start in range(0, block.length, piece):
            part = buffer[start : start + piece]
            await limit.wait(len(part))
            with self.reading(blob):
                await self.content.read_into(blob.name, blob.etag, block.start + start, part)

    async def read(self, blob: SourceBlob, block: Block) -> bytes:
        """Return a block of the version that `find` saw. Raises `CopyError` if the blob has changed."""
        buffer = bytearray(block.length)
        await self.read_into(blob, block, memoryview(buffer))
        return bytes(buffer)

    @contextmanager
    def reading(self, blob: SourceBlob) -> Iterator[None]:
        """Explain errors of a request for the version of a blob that `find` saw."""
        with storage_request(f"reading blob {blob.name}", self.content.host, needs="to read blobs"):
            try:
                yield
            except HttpResponseError as error:
                if error.status_code not in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND):
                    raise
                raise CopyError(
                    f"blob {blob.name}: source changed or was removed during the copy. "
                    "Nothing was committed; run again."
                ) from None

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
        written=properties.last_modified,
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
