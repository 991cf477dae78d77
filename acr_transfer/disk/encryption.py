"""Encryption of parts with age, by the library pyrage. https://age-encryption.org

Each part is an age file of its own, so `age -d` opens it too, and memory use stays small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyrage

from acr_transfer.errors import InputError

# The library has no types.
Recipient = Any
Identity = Any


class SupportsWrite(Protocol):
    """A file that is open for writing."""

    def write(self, content: bytes, /) -> int:
        """Write all of the content; returns its length."""

    def flush(self) -> None:
        """Pass buffered content on."""


def recipients(keys: Sequence[str], files: Sequence[Path]) -> list[Recipient]:
    """Public keys of age (`age1…`) or SSH, from the command line and from files with one key a line.

    Raises `InputError` for any other text, and for a secret key.
    """
    lines = [(key, "--recipient") for key in keys]
    for file in files:
        lines += [(line, str(file)) for line in _lines(file)]
    return [_recipient(line, where) for line, where in lines]


def _recipient(text: str, where: str) -> Recipient:
    if text.upper().startswith("AGE-SECRET-KEY"):
        raise InputError(
            f"{where} holds a secret key: anyone who has seen it can read the pack. Create a new key, "
            "keep it with the receiver, and pass its public key (age1…) here."
        )
    for kind in (pyrage.x25519.Recipient, pyrage.ssh.Recipient):
        try:
            found: Recipient = kind.from_str(text)
        except pyrage.RecipientError:
            continue
        return found
    raise InputError(f"{where}: {text[:20]!r} is not a public key; expected age1…, ssh-ed25519 or ssh-rsa")


def identities(files: Sequence[Path]) -> list[Identity]:
    """Secret keys from files of age-keygen or ssh-keygen. Raises `InputError`, which shows no key."""
    found: list[Identity] = []
    for file in files:
        content = _read(file)
        if b"PRIVATE KEY" in content:
            try:
                found.append(pyrage.ssh.Identity.from_buffer(content))
            except pyrage.IdentityError:
                raise InputError(
                    f"--identity {file} cannot be used: an SSH key must be ed25519 or RSA, without passphrase"
                ) from None
            continue
        for line in _lines(file):
            try:
                found.append(pyrage.x25519.Identity.from_str(line))
            except pyrage.IdentityError:
                raise InputError(
                    f"--identity {file}: a line is not a secret key of age (AGE-SECRET-KEY-1…)"
                ) from None
    if files and not found:
        raise InputError(f"--identity {files[0]} holds no key")
    return found


def _lines(file: Path) -> list[str]:
    try:
        lines = _read(file).decode().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a file of keys") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None


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
