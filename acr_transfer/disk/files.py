"""Files below the folder of a disk. The disk comes from other hands: no link on it is followed."""

import errno
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path

from acr_transfer.errors import DiskError
from acr_transfer.file_writer import Folder, open_folder


@contextmanager
def explained_disk(doing: str) -> Iterator[None]:
    """Turn an error of the operating system into a `DiskError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        fix = (
            " The disk is full, or its file system limits the size of files (use a smaller --part-size). "
            "Free some space or add another folder, and run the same command again: finished parts are kept."
            if full
            else ""
        )
        raise DiskError(f"{doing}: {error.strerror or type(error).__name__}.{fix}") from None


@contextmanager
def folder_of(disk: Path, file: str) -> Iterator[tuple[Folder, str]]:
    """The open folder of a file on a disk, and the file's name; `file` is a name or `parts/` and a name."""
    inner, _, name = file.rpartition("/")
    with open_folder(disk) as folder:
        if not inner:
            yield folder, name
            return
        with folder.inside(inner) as below:
            yield below, name


@contextmanager
def locked(folders: Sequence[Path]) -> Iterator[None]:
    """Create the folders, and keep other processes from packing to them. Raises `DiskError`."""
    with ExitStack() as stack:
        for folder in folders:
            with explained_disk(f"preparing {folder}"):
                stack.enter_context(open_folder(folder, create=True)).lock()
        yield


@contextmanager
def open_on_disk(disk: Path, file: str) -> Iterator[BufferedReader]:
    """Open a regular file of a disk. Raises `DiskError`."""
    with explained_disk(f"reading {disk / file}"), folder_of(disk, file) as (folder, name):
        stream = folder.open_file(name)
        with stream:
            yield stream


def is_on_disk(disk: Path, file: str) -> bool:
    """Whether a disk has anything of this name. Raises `DiskError` if `parts` is a link."""
    with explained_disk(f"reading {disk / file}"):
        try:
            with folder_of(disk, file) as (folder, name):
                return folder.exists(name)
        except FileNotFoundError:
            return False


def sha256_of(disk: Path, file: str) -> str:
    """The SHA-256 of a file, in hex."""
    with open_on_disk(disk, file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
