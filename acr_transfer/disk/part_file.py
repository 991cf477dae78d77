"""One part of a pack as a file: its content from the source, hashed and encrypted on its way to the disk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyrage
from azure.storage.blob.aio import BlobClient

from acr_transfer.copy import streamed
from acr_transfer.copy.blocks import Block, Exported
from acr_transfer.copy.throttle import Pace
from acr_transfer.disk import folder
from acr_transfer.disk.encryption import Recipient, Stream
from acr_transfer.disk.folder import Disk
from acr_transfer.errors import DiskError

Result = TypeVar("Result")

_AHEAD = 4
"""Blocks that are read before they are asked for: 32 MiB."""


def write_file(
    disk: Disk, file: str, content: Iterator[bytes], recipients: Sequence[Recipient]
) -> tuple[int, str]:
    """Write a part; its size and SHA-256 as it is on the disk."""
    with disk.writing(file) as stream:
        counted = Counted(stream)
        if recipients:
            source = _Failing(content)
            try:
                pyrage.encrypt_io(Stream(source), counted, list(recipients))
            except pyrage.EncryptError:
                raise counted.failure or source.failure or DiskError(f"{file} cannot be encrypted") from None
        else:
            for block in content:
                counted.write(block)
        return counted.size, counted.sha256.hexdigest()


class Counted:
    """A file that knows what was written to it. It keeps the failure that pyrage would turn into a text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.size, self.sha256 = stream, 0, hashlib.sha256()
        self.failure: BaseException | None = None

    def write(self, content: bytes) -> int:
        """Write and count."""
        try:
            self._stream.write(content)
        except OSError as error:
            self.failure = error
            raise
        self.size += len(content)
        self.sha256.update(content)
        return len(content)

    def flush(self) -> None:
        """As files have it."""
        self._stream.flush()


class _Failing:
    """Blocks, and the failure that ended them."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._blocks)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise


class Calls:
    """An asynchronous source of blocks, for a thread to walk through."""

    def __init__(self, blocks: AsyncIterator[bytes]) -> None:
        self._blocks, self._loop = blocks, asyncio.get_running_loop()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            content = self._run(anext(self._blocks, None))
            if content is None:
                return
            yield content

    def _run(self, step: Coroutine[Any, Any, Result]) -> Result:
        async def wait() -> Result:
            return await step

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()


async def read_ahead(
    blob: Exported, wanted: Sequence[Block], source: BlobClient, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """The content of these blocks, in order; some are on their way before they are asked for."""
    waiting: list[asyncio.Task[bytes]] = []
    blocks = list(wanted)

    async def fetch(block: Block) -> bytes:
        async with pace.room(block.length):
            return await streamed.read_paced(blob, source, block, pace)

    try:
        while blocks or waiting:
            while blocks and len(waiting) < _AHEAD:
                waiting.append(asyncio.create_task(fetch(blocks.pop(0))))
            yield await waiting[0]
            waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def read_at(path: Path, start: int, length: int) -> bytes:
    """Some bytes of a file."""
    with folder.explained_disk(f"reading {path}"), path.open("rb") as stream:
        stream.seek(start)
        return stream.read(length)
