"""Writing files: no link is followed, no foreign file is changed, and no reader sees half of a file.

Each step starts from the descriptor of an open folder, so a link that appears in between leads nowhere. This
needs a system whose calls accept such descriptors: Linux or macOS.
https://man7.org/linux/man-pages/man2/open.2.html
"""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

_UNFINISHED = re.compile(r"\.acr-transfer-[0-9a-f]{32}\.partial")
"""The names of files that are being written; only this module creates such names."""


_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


class Folder:
    """An open folder. Its files are reached by their names alone, which hold no path."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @contextmanager
    def inside(self, name: str, *, create: bool = False) -> Iterator["Folder"]:
        """Open a folder in this one. Raises `OSError` if it is a link or a file."""
        if create:
            with suppress(FileExistsError):
                os.mkdir(_plain(name), dir_fd=self._descriptor)
        if self.exists(name) and not stat.S_ISDIR(self._status(name).st_mode):
            raise _refused(name, "is not a folder")
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(_plain(name), flags, dir_fd=self._descriptor)
        try:
            yield Folder(descriptor)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The names in the folder, sorted."""
        with os.scandir(self._descriptor) as entries:
            return sorted(entry.name for entry in entries)

    def exists(self, name: str) -> bool:
        """Whether the folder has anything of this name, even a link that leads nowhere."""
        try:
            self._status(name)
        except FileNotFoundError:
            return False
        return True

    def open_file(self, name: str) -> BufferedReader:
        """Open a file to read. Raises `OSError` if it is missing, or not a regular file."""
        self._regular(name)
        # A queue (FIFO) that took the file's place would wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(_plain(name), flags, dir_fd=self._descriptor)
        self._check(name, descriptor)
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def new_file(self, name: str) -> Iterator[BinaryIO]:
        """A file that gets its name when all of it is on the disk; after a failure it does not exist.

        It replaces a regular file and keeps its permissions, and nothing else: raises `OSError` for a link, a
        folder or a device.
        """
        permissions = self._regular(name) if self.exists(name) else 0o666
        partial = f".acr-transfer-{secrets.token_hex(16)}.partial"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(partial, flags, permissions, dir_fd=self._descriptor)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if self.exists(name):
                self._regular(name)
            os.rename(partial, _plain(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial, dir_fd=self._descriptor)
            raise
        self._save_names()

    def append_to(self, name: str) -> BinaryIO:
        """Open a file to append to; a missing one is created for this user alone.

        Raises `OSError` if it is not a regular file, or has a second name (hard link).
        """
        if self.exists(name):
            self._regular(name)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(_plain(name), flags, 0o600, dir_fd=self._descriptor)
        self._check(name, descriptor, names=1)
        return os.fdopen(descriptor, "ab")

    def remove(self, name: str) -> None:
        """Delete a file if it exists. Raises `OSError` if it is not a regular file."""
        if self.exists(name):
            self._regular(name)
            os.unlink(_plain(name), dir_fd=self._descriptor)

    def remove_unfinished(self) -> None:
        """Delete the files that an interrupted process was writing with this module."""
        for name in filter(_UNFINISHED.fullmatch, self.names()):
            with suppress(OSError):
                self.remove(name)

    def lock(self) -> None:
        """Keep other processes from locking the folder until it is closed, if its file system can do that.

        Raises `OSError` if another one has locked it. The lock ends with its process, even with `kill -9`.
        """
        import fcntl  # A Pulumi program on Windows imports this module too.

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(
                errno.EBUSY, "another process is writing to this folder; wait for its end"
            ) from None
        except OSError as error:
            if error.errno not in (*_UNSUPPORTED, errno.EBADF, errno.ENOLCK):
                raise

    def _status(self, name: str) -> os.stat_result:
        return os.stat(_plain(name), dir_fd=self._descriptor, follow_symlinks=False)

    def _regular(self, name: str) -> int:
        """The permissions of a file. Raises `OSError` if it is not a regular file."""
        mode = self._status(name).st_mode
        if not stat.S_ISREG(mode):
            raise _refused(name, "is a symbolic link" if stat.S_ISLNK(mode) else "is not a regular file")
        return mode & 0o666

    def _check(self, name: str, descriptor: int, names: int | None = None) -> None:
        """Close the file and raise `OSError` if it is not what its name stood for before it was opened."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or names not in (None, status.st_nlink):
            os.close(descriptor)
            raise _refused(name, "is not a regular file with one name")

    def _save_names(self) -> None:
        """Wait until the folder's names are on the disk, if its file system can do that."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise


@contextmanager
def open_folder(path: Path, *, create: bool = False) -> Iterator[Folder]:
    """Open the folder that the user named; the path to it may lead over links. Raises `OSError`."""
    if create:
        path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Folder(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes) -> None:
    """Put content in the place of the file that the user named, and create its folder. Raises `OSError`."""
    with open_folder(path.parent, create=True) as folder, folder.new_file(path.name) as file:
        file.write(content)


def append_to(path: Path) -> BinaryIO:
    """Open the file that the user named, to append to it. Raises `OSError`."""
    with open_folder(path.parent) as folder:
        return folder.append_to(path.name)


def _plain(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise _refused(name, "is not the name of a file")
    return name


def _refused(name: str, reason: str) -> OSError:
    return OSError(errno.EINVAL, f"{name!r} {reason}; remove it, or name another place")
