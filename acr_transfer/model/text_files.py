"""Files of people, written as a whole."""

from pathlib import Path

from acr_transfer import file_writer
from acr_transfer.file_reader import TextFileError


def write_file(path: Path, content: bytes, kind: str) -> None:
    """Put content in a file's place at once, so that no reader sees half of it. Raises `TextFileError`."""
    try:
        file_writer.write_file(path, content)
    except OSError as error:
        raise TextFileError(f"The {kind} {path} cannot be written: {error.strerror}.") from None
