"""One part of a pack as a file: written with its hash, encrypted for the recipients, and decrypted.

An encrypted part is a whole age file, so `age -d` opens it too, and memory use stays small.
https://age-encryption.org
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import pyrage

from acr_transfer.disk.files import open_on_disk
from acr_transfer.disk.folder import Disk
from acr_transfer.disk.keys import Identity, Recipient
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
) -> Iterator[tuple[BinaryIO | HashingFile, HashingFile]]:
    """A new part: the file for its content, and the file on the disk with size and hash.

    The part gets its name at the end. After a failure, nothing of it remains.
    """
    with disk.new_file(file) as stream:
        on_disk = HashingFile(stream)
        if not recipients:
            yield on_disk, on_disk
            return
        keys = [recipient.key for recipient in recipients]
        try:
            with _in_thread(lambda plain: pyrage.encrypt_io(plain, on_disk, keys), "wb") as plain:
                yield plain, on_disk
        except pyrage.EncryptError:
            raise on_disk.failure or DiskError(f"{file} cannot be encrypted") from None


def decrypting(file: BinaryIO, identities: Sequence[Identity]) -> AbstractContextManager[BinaryIO]:
    """The plain content of an encrypted file.

    Raises `pyrage.DecryptError` at the end if the file is damaged or no identity opens it; the content then
    ends early.
    """
    return _in_thread(lambda plain: pyrage.decrypt_io(file, plain, list(identities)), "rb")


@contextmanager
def _in_thread(work: Callable[[BinaryIO], object], mode: Literal["rb", "wb"]) -> Iterator[BinaryIO]:
    """The caller's end of a pipe, in this mode; a thread runs `work` with the other end."""
    read_end, write_end = os.pipe()
    own, other = (read_end, write_end) if mode == "rb" else (write_end, read_end)

    def run() -> None:
        with os.fdopen(other, "wb" if mode == "rb" else "rb") as end:
            work(end)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(run)
        # A broken pipe means that the thread has failed: its own error is the cause.
        with suppress(BrokenPipeError), os.fdopen(own, mode) as end:
            yield end
        running.result()


def encrypted_size(length: int, readers: int) -> int:
    """The largest size of a file of `length` bytes that is encrypted for so many recipients.

    https://github.com/C2SP/C2SP/blob/main/age.md
    """
    return length + (length // 65536 + 1) * 16 + 1024 + 1024 * readers


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


def read_range(disk: Path, file: str, start: int, length: int) -> bytes:
    """Return a range of a file on a disk."""
    with open_on_disk(disk, file) as stream:
        stream.seek(start)
        return stream.read(length)
