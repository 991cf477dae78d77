"""The one reader of files from outside: regular files only, up to a size that real use does not reach.

UTF-8 with or without a byte order mark, or UTF-16 with one. docs/commands.md lists the limits.
"""

import codecs
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from acr_transfer.model.errors import ModelError

DOCUMENT_BYTES = 32 * 1024**2
"""A lock, hand-over, receipt or pack manifest: 20,000 indexes with four platforms take 27 MB."""

LIST_BYTES = 4 * 1024**2
"""A list of artifacts, of public keys, or of secret keys: 20,000 references of 200 characters."""

STATE_BYTES = 32 * 1024**2
"""The exported state of a stack."""

SETTINGS_BYTES = 1024**2
"""A file that a person writes: rules, a policy configuration, waivers, Docker's configuration."""

_OVERHEAD = 128
"""Bytes that a text takes besides its characters, at most."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KINDS = (
    (stat.S_ISDIR, "it is a directory"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


class TextFileError(ModelError):
    """A file is missing, is not text, is too large, or cannot be read or written."""


def read_text(path: Path, kind: str, fix: str = "", *, limit: int) -> str:
    """Return the text of a regular file, each line ended by a line feed.

    UTF-16 with a byte order mark is what `>` writes in Windows PowerShell. `kind` names the file in messages
    ("lock"), `fix` states how to get a good one, and `limit` is its largest size in bytes. Raises
    `TextFileError`.
    """
    try:
        text = decode_text(_content(path, limit))
        # One character beyond U+FFFF makes each of a text's characters four bytes wide in memory.
        _check_size(sys.getsizeof(text) // 2 - _OVERHEAD, limit)
        return text
    except (OSError, ValueError) as error:
        raise _unreadable(path, kind, error, fix) from None


def decode_text(content: bytes) -> str:
    """Return the text in the content of a file. Raises `UnicodeDecodeError`, or `ValueError` for a NUL."""
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    text = content.decode(encoding)
    if "\0" in text:
        raise ValueError("it holds NUL characters, so it is not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises `OSError`, or `ValueError` with the reason for any other file.

    A pipe, a socket or a device is neither opened nor waited for.
    """
    check_is_regular(path.stat())
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    try:
        # Another file may have come into its place since.
        check_is_regular(os.fstat(file.fileno()))
    except ValueError:
        file.close()
        raise
    return file


def is_missing(path: Path) -> bool:
    """Whether a path leads to nothing. If that cannot be known, reading the path states the reason."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        pass
    return False


def check_file(path: Path, kind: str, limit: int) -> None:
    """Raise `TextFileError` for a file that a library is to read, unless it is missing or good."""
    if is_missing(path):
        return
    try:
        with open_regular(path) as file:
            _check_size(os.fstat(file.fileno()).st_size, limit)
    except (OSError, ValueError) as error:
        raise _unreadable(path, kind, error) from None


def check_is_regular(status: os.stat_result) -> None:
    """Raise `ValueError` with the reason unless this is the status of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        found = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "it is a special file")
        raise ValueError(f"{found}, not a regular file")


def _unreadable(path: Path, kind: str, error: OSError | ValueError, fix: str = "") -> TextFileError:
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
    elif isinstance(error, UnicodeDecodeError):
        reason = "it is neither UTF-8 nor UTF-16 with a byte order mark"
    else:
        reason = str(error)
    return TextFileError(f"The {kind} {path} cannot be read: {reason}." + (f"\nFix: {fix}" if fix else ""))


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(f"it has more than {limit // 1024:,} KiB, the limit")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _content(path: Path, limit: int) -> bytes:
    with open_regular(path) as file:
        _check_size(os.fstat(file.fileno()).st_size, limit)
        content = file.read(limit + 1)
    # A file that grows, or that states no size.
    _check_size(len(content), limit)
    return content
