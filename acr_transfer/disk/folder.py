"""The folders of a pack: free space, finished parts, and files that are complete or absent.

A part gets its name when all of it is on the disk, and an entry in the journal after that, so the journal is
reliable after a power cut.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from acr_transfer.disk.files import explained_disk, folder_of, is_on_disk, open_on_disk, sha256_of
from acr_transfer.disk.layout import JOURNAL, MANIFEST, SUMS, read_manifest, source_blob
from acr_transfer.errors import DiskError
from acr_transfer.file_writer import open_folder
from acr_transfer.model.documents.pack_manifest import PARTS, JournalEntry, PackPart
from acr_transfer.model.errors import ModelError
from acr_transfer.units import human_size

_RESERVE = 2 * 1024 * 1024
"""Bytes on each disk that are kept free for the manifest and the file system."""

_LONGEST_ENTRY = 8 * 1024 * 1024
"""Bytes of a line of the journal; a part of 50,000 blocks has 3.4 million."""


def free_space(folder: Path) -> int:
    """The free bytes of a folder's disk, for this user."""
    return shutil.disk_usage(folder).free


class Disk:
    """One folder of a pack."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        self.damaged_entries = 0
        """Lines of the journal that cannot be read; their parts are written again."""

    def prepare(self) -> None:
        """Create the folder, and delete the unfinished files of an interrupted run."""
        with explained_disk(f"preparing {self.folder}"), open_folder(self.folder, create=True) as folder:
            folder.remove_unfinished()
            with folder.inside(PARTS, create=True) as parts:
                parts.remove_unfinished()

    def finished(self) -> Iterator[JournalEntry]:
        """The parts that earlier runs finished; a later entry of a part replaces an earlier one."""
        if is_on_disk(self.folder, MANIFEST):
            yield from self._manifest_entries()
        if is_on_disk(self.folder, JOURNAL):
            yield from self._journal_entries()

    def _manifest_entries(self) -> Iterator[JournalEntry]:
        try:
            manifest = read_manifest(self.folder)
        except ModelError:
            return
        for blob in manifest.blobs:
            for part in blob.parts:
                version = source_blob(blob).version
                yield JournalEntry(version=version, readers=manifest.readers, part=part)

    def _journal_entries(self) -> Iterator[JournalEntry]:
        with open_on_disk(self.folder, JOURNAL) as journal:
            while line := journal.readline(_LONGEST_ENTRY):
                try:
                    yield JournalEntry.model_validate_json(line)
                except ValidationError:
                    self.damaged_entries += 1

    def has(self, part: PackPart) -> bool:
        """Whether the disk has the file of a part, with the part's hash."""
        return is_on_disk(self.folder, part.file) and sha256_of(self.folder, part.file) == part.sha256

    def reopen(self, kept: Sequence[JournalEntry]) -> None:
        """Begin to write: record the kept parts in the journal, and delete the manifest.

        The hand-over stays until the next one replaces it.
        """
        self.write_file(JOURNAL, b"".join(map(_line, kept)))
        for name in (SUMS, MANIFEST):
            self.remove(name)

    def record(self, entry: JournalEntry) -> None:
        """Record a finished part in the journal."""
        with (
            explained_disk(f"writing to {self.folder}"),
            open_folder(self.folder) as folder,
            folder.append_to(JOURNAL) as journal,
        ):
            journal.write(_line(entry))
            journal.flush()
            os.fsync(journal.fileno())

    @contextmanager
    def new_file(self, file: str) -> Iterator[BinaryIO]:
        """A file that gets its name when all of it is on the disk; after a failure it does not exist."""
        with (
            explained_disk(f"writing {self.folder / file}"),
            folder_of(self.folder, file) as (folder, name),
            folder.new_file(name) as stream,
        ):
            yield stream

    def write_file(self, file: str, content: bytes) -> None:
        """Write a small file, completely or not at all."""
        with self.new_file(file) as stream:
            stream.write(content)

    def remove(self, file: str) -> None:
        """Delete a file if it exists."""
        with (
            explained_disk(f"removing {self.folder / file}"),
            folder_of(self.folder, file) as (folder, name),
        ):
            folder.remove(name)

    def finish(self) -> None:
        """Delete the journal: the manifest lists all parts now."""
        self.remove(JOURNAL)


def _line(entry: JournalEntry) -> bytes:
    return entry.model_dump_json(by_alias=True).encode() + b"\n"


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
