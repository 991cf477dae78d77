"""Encryption of parts with age, by the library pyrage. https://age-encryption.org

Each part is an age file of its own, so `age -d` opens it too, and memory use stays small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import BinaryIO, Protocol

import pyrage

from acr_transfer.disk.keys import Identity, Recipient


class SupportsWrite(Protocol):
    """A file that is open for writing."""

    def write(self, content: bytes, /) -> int:
        """Write all of the content; returns its length."""

    def flush(self) -> None:
        """Pass buffered content on."""


def encrypted_size(length: int, readers: int) -> int:
    """The largest size of a file of `length` bytes that is encrypted for so many recipients.

    https://github.com/C2SP/C2SP/blob/main/age.md
    """
    return length + (length // 65536 + 1) * 16 + 1024 + 1024 * readers


@contextmanager
def encrypting(output: SupportsWrite, recipients: Sequence[Recipient]) -> Iterator[BinaryIO]:
    """A file whose content a thread encrypts and writes to `output`.

    Raises `pyrage.EncryptError` if that fails; the cause is only a text in it.
    """
    read_end, write_end = os.pipe()

    def encrypt() -> None:
        with os.fdopen(read_end, "rb") as plain:
            pyrage.encrypt_io(plain, output, list(recipients))

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(encrypt)
        # A broken pipe means that the thread has failed: its own error is the cause.
        with suppress(BrokenPipeError), os.fdopen(write_end, "wb") as plain:
            yield plain
        running.result()


@contextmanager
def decrypting(file: BinaryIO, identities: Sequence[Identity]) -> Iterator[BinaryIO]:
    """The plain content of an encrypted file, which a thread decrypts.

    Raises `pyrage.DecryptError` at the end if the file is damaged or no identity opens it; the content then
    ends early.
    """
    read_end, write_end = os.pipe()

    def decrypt() -> None:
        with os.fdopen(write_end, "wb") as plain:
            pyrage.decrypt_io(file, plain, list(identities))

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(decrypt)
        with os.fdopen(read_end, "rb") as plain:
            yield plain
        running.result()
