"""Parts that only the receiver can read: age, by the library pyrage. https://age-encryption.org

Each part is a file of its own in age's format, so `age -d` opens it too, and memory stays small.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyrage

from acr_transfer.errors import InputError

# The library has no types of its own.
Recipient = Any
Identity = Any


def recipients(keys: Sequence[str], files: Sequence[Path]) -> list[Recipient]:
    """Public keys as typed, and from files with one a line; `age1…` or of SSH.

    Raises `InputError` for one that is none, and for a secret key, which has no place here.
    """
    lines = [(key, "--recipient") for key in keys]
    for file in files:
        lines += [(line, str(file)) for line in _lines(file)]
    return [_recipient(line, where) for line, where in lines]


def _recipient(text: str, where: str) -> Recipient:
    if text.upper().startswith("AGE-SECRET-KEY"):
        raise InputError(
            f"{where} holds a secret key: whoever has seen it can read what is packed. Make a new one, "
            "keep it with the receiver, and give the public key (age1…) here."
        )
    for kind in (pyrage.x25519.Recipient, pyrage.ssh.Recipient):
        try:
            found: Recipient = kind.from_str(text)
        except pyrage.RecipientError:
            continue
        return found
    raise InputError(f"{where}: {text[:20]!r} is no public key; expected age1… or ssh-ed25519 or ssh-rsa")


def identities(files: Sequence[Path]) -> list[Identity]:
    """Secret keys from files, as age-keygen or ssh-keygen write them, or an `InputError` that shows none."""
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
                    f"--identity {file}: a line is no secret key of age (AGE-SECRET-KEY-1…)"
                ) from None
    if files and not found:
        raise InputError(f"--identity {files[0]} holds no key")
    return found


def _lines(file: Path) -> list[str]:
    try:
        lines = _read(file).decode().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{file} is no file of keys") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None


def encrypted_size(length: int, readers: int) -> int:
    """Bytes that a file of `length` bytes takes at most when it is encrypted for so many recipients.

    https://github.com/C2SP/C2SP/blob/main/age.md
    """
    return length + (length // 65536 + 1) * 16 + 1024 + 1024 * readers


class Stream(io.RawIOBase):
    """Blocks as one file to read from."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._left = blocks, memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Some bytes; none at the end."""
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._left = memoryview(block)
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


class Blocks(io.RawIOBase):
    """What is written to it comes out in blocks of one size; the last may be shorter."""

    def __init__(self, size: int, take: Callable[[bytes], None]) -> None:
        """`take` is called with each block, in order."""
        self._size, self._take, self._held = size, take, bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Take more content."""
        self._held += content
        while len(self._held) >= self._size:
            block = bytes(self._held[: self._size])
            del self._held[: self._size]
            self._take(block)
        return len(content)

    def finish(self) -> None:
        """Give out what is left."""
        if self._held:
            self._take(bytes(self._held))
            self._held.clear()
