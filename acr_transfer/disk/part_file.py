"""One part of a pack as a file: written with its hash, and encrypted for the recipients."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyrage

from acr_transfer.disk.encryption import SupportsWrite, encrypting
from acr_transfer.disk.folder import Disk, explained_disk
from acr_transfer.disk.keys import Recipient
from acr_transfer.errors import DiskError

Value = TypeVar("Value")


class HashingFile:
    """A file that counts and hashes the written bytes, and keeps the error that pyrage reduces to a text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._sha256 = stream, hashlib.sha256()
        self.size = 0
        self.failure: OSError | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the written bytes, in hex."""
        return self._sha256.hexdigest()

    def write(self, content: bytes, /) -> int:
        """Write all of the content."""
        try:
            self._stream.write(content)
        except OSError as error:
            self.failure = error
            raise
        self.size += len(content)
        self._sha256.update(content)
        return len(content)

    def flush(self) -> None:
        """Pass buffered content on."""
        self._stream.flush()


@contextmanager
def new_part(
    disk: Disk, file: str, recipients: Sequence[Recipient]
) -> Iterator[tuple[SupportsWrite, HashingFile]]:
    """A new part: the file for its content, and the file on the disk with size and hash.

    The part gets its name at the end. After a failure, nothing of it remains.
    """
    with disk.new_file(file) as stream:
        on_disk = HashingFile(stream)
        if not recipients:
            yield on_disk, on_disk
            return
        try:
            with encrypting(on_disk, recipients) as plain:
                yield plain, on_disk
        except pyrage.EncryptError:
            raise on_disk.failure or DiskError(f"{file} cannot be encrypted") from None


@asynccontextmanager
async def in_threads(manager: AbstractContextManager[Value]) -> AsyncIterator[Value]:
    """Enter and leave a context manager in threads, because it waits for a disk."""
    value = await asyncio.to_thread(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(manager.__exit__, None, None, None)


def read_range(path: Path, start: int, length: int) -> bytes:
    """Return a range of a file."""
    with explained_disk(f"reading {path}"), path.open("rb") as stream:
        stream.seek(start)
        return stream.read(length)
