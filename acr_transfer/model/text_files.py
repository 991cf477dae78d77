"""Files of people: UTF-8 with or without a byte order mark, or UTF-16 with one; written as a whole."""

import codecs
from pathlib import Path

from acr_transfer import file_writer
from acr_transfer.model.errors import ModelError

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextFileError(ModelError):
    """A file is missing, is not text, or cannot be read or written."""


def read_text(path: Path, kind: str, fix: str = "") -> str:
    """Return the text of a file, each line ended by a line feed.

    UTF-16 with a byte order mark is what `>` writes in Windows PowerShell. `kind` names the file in messages
    ("lock"), and `fix` states how to get a good one. Raises `TextFileError`.
    """
    try:
        return decode_text(path.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it is neither UTF-8 nor UTF-16 with a byte order mark"
    raise TextFileError(f"The {kind} {path} cannot be read: {reason}." + (f"\nFix: {fix}" if fix else ""))


def decode_text(content: bytes) -> str:
    """Return the text in the content of a file. Raises `UnicodeDecodeError`."""
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def write_file(path: Path, content: bytes, kind: str) -> None:
    """Put content in a file's place at once, so that no reader sees half of it. Raises `TextFileError`."""
    try:
        file_writer.write_file(path, content)
    except OSError as error:
        raise TextFileError(f"The {kind} {path} cannot be written: {error.strerror}.") from None
