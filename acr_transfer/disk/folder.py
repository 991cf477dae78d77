"""The folders of a pack: free space, finished parts, and files that are complete or absent.

A part gets its name when all of it is on the disk, and an entry in the journal after that, so the journal is
reliable after a power cut.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from acr_transfer.disk.layout import HANDOVER, MANIFEST, SUMS, source_blob
from acr_transfer.errors import DiskError
from acr_transfer.model.documents.pack_manifest import PARTS, PackManifest, PackPart
from acr_transfer.model.errors import ModelError
from acr_transfer.units import human_size

JOURNAL = ".pack-journal"

_RESERVE = 2 * 1024 * 1024
"""Bytes on each disk that are kept free for the manifest and the file system."""


def free_space(folder: Path) -> int:
    """The free bytes of a folder's disk, for this user."""
    return shutil.disk_usage(folder).free


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


class Disk:
    """One folder of a pack."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        self._journal = folder / JOURNAL

    def prepare(self) -> None:
        """Create the folder, and delete the unfinished files of an interrupted run."""
        with explained_disk(f"preparing {self.folder}"):
            (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
            for partial in (self.folder / PARTS).glob("*.partial"):
                partial.unlink()

    def finished(self) -> dict[tuple[str, str], PackPart]:
        """The parts that earlier runs finished, by the blob's version and the file."""
        found = dict([*self._manifest_parts(), *self._journal_parts()])
        return {key: part for key, part in found.items() if (self.folder / part.file).is_file()}

    def _manifest_parts(self) -> Iterator[tuple[tuple[str, str], PackPart]]:
        try:
            manifest = PackManifest.read(self.folder / MANIFEST)
        except ModelError:
            return
        for blob in manifest.blobs:
            for part in blob.parts:
                yield (source_blob(blob).version, part.file), part

    def _journal_parts(self) -> Iterator[tuple[tuple[str, str], PackPart]]:
        with explained_disk(f"reading {self.folder}"):
            lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                part = PackPart.model_validate(entry["part"])
            except (ValueError, KeyError, TypeError):
                continue  # The last line of an interrupted run.
            yield (entry["version"], part.file), part

    def reopen(self, kept: Sequence[tuple[str, PackPart]]) -> None:
        """Begin to write: record the kept parts in the journal, and delete the manifest."""
        with explained_disk(f"writing to {self.folder}"):
            self.write_file(JOURNAL, "".join(_entry(version, part) for version, part in kept).encode())
            for name in (SUMS, MANIFEST, HANDOVER):
                (self.folder / name).unlink(missing_ok=True)

    def record(self, version: str, part: PackPart) -> None:
        """Record a finished part in the journal."""
        with explained_disk(f"writing to {self.folder}"), self._journal.open("a") as journal:
            journal.write(_entry(version, part))
            journal.flush()
            os.fsync(journal.fileno())

    @contextmanager
    def new_file(self, file: str) -> Iterator[BinaryIO]:
        """A file that gets its name when all of it is on the disk; after a failure it does not exist."""
        path = self.folder / file
        partial = path.with_name(f"{path.name}.partial")
        with explained_disk(f"writing {path}"):
            try:
                with partial.open("wb") as stream:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
                partial.replace(path)
                _sync_folder(path.parent)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    def write_file(self, file: str, content: bytes) -> None:
        """Write a small file, completely or not at all."""
        with self.new_file(file) as stream:
            stream.write(content)

    def finish(self) -> None:
        """Delete the journal: the manifest lists all parts now."""
        self._journal.unlink(missing_ok=True)


def _entry(version: str, part: PackPart) -> str:
    return json.dumps({"version": version, "part": part.as_json()}) + "\n"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with explained_disk(f"reading {path}"), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def assign_disks(sizes: Sequence[int], disks: Sequence[Disk]) -> list[Disk]:
    """Return a disk for each file of these sizes, in order: the first with enough space.

    Folders of one file system share its space. Raises `DiskError` with the missing amount.
    """
    with explained_disk("reading the free space of the disks"):
        devices = {disk: disk.folder.stat().st_dev for disk in disks}
        space = {devices[disk]: free_space(disk.folder) - _RESERVE for disk in disks}
    left, chosen = dict(space), []
    for size in sizes:
        disk = next((disk for disk in disks if left[devices[disk]] >= size), None)
        if disk is None:
            listed = [f"\n  {disk.folder}: {human_size(max(0, space[devices[disk]]))} free" for disk in disks]
            raise DiskError(
                f"the pack needs {human_size(sum(sizes))} more, in parts of up to {human_size(max(sizes))}, "
                f"too much for:{''.join(listed)}\n"
                "Nothing was written. Use larger disks, or more: `acr-transfer pack DIR1 DIR2 ...`"
            )
        left[devices[disk]] -= size
        chosen.append(disk)
    return chosen
