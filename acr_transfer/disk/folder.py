"""The folders that a pack is written to: what fits where, what is there already, files whole or not at all.

A part gets its name when all of it is on the disk, and a line in the journal after that: so whatever is in
the journal can be relied on after a power cut.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from acr_transfer.disk.layout import HANDOVER, INDEX, SUMS, exported_blob, read_pack
from acr_transfer.errors import DiskError
from acr_transfer.model.documents.pack_manifest import PARTS, PackPart
from acr_transfer.model.errors import ModelError
from acr_transfer.units import human_size

JOURNAL = ".pack-journal"

_RESERVE = 2 * 1024 * 1024
"""Bytes a disk that are kept for the index and the file system's own needs."""

Free = Callable[[Path], int]
"""Gives the bytes that may still be written to a folder."""


def free(folder: Path) -> int:
    """Bytes that the caller may still write to a folder's disk."""
    return shutil.disk_usage(folder).free


@contextmanager
def explained_disk(doing: str) -> Iterator[None]:
    """Turn a refusal of the operating system into a `DiskError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        mend = (
            " The disk is full, or takes no file as large (then choose a smaller --part-size). Make room, or "
            "give another folder as well, and run the same again: finished parts are kept."
            if full
            else ""
        )
        raise DiskError(f"{doing}: {error.strerror or type(error).__name__}.{mend}") from None


class Disk:
    """One folder of a pack."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number

    def prepare(self) -> None:
        """Make the folder, and throw away what a killed run left half written."""
        with explained_disk(f"preparing {self.folder}"):
            (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
            for partial in (self.folder / PARTS).glob("*.partial"):
                partial.unlink()

    def finished(self) -> dict[tuple[str, str], PackPart]:
        """Parts that an earlier run finished here, by the blob's version and the file."""
        found = dict(self._of_pack())
        with explained_disk(f"reading {self.folder}"):
            lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                part = PackPart.model_validate(entry["part"])
            except (ValueError, KeyError, TypeError):
                continue  # The last line of a run that was killed.
            found[entry["version"], part.file] = part
        return {key: part for key, part in found.items() if self._is_there(part)}

    def _of_pack(self) -> Iterator[tuple[tuple[str, str], PackPart]]:
        try:
            pack = read_pack(self.folder)
        except ModelError:
            return
        for blob in pack.blobs:
            for part in blob.parts:
                yield (exported_blob(blob).version, part.file), part

    def _is_there(self, part: PackPart) -> bool:
        path = self.folder / part.file
        return path.is_file() and path.stat().st_size == part.size

    @property
    def _journal(self) -> Path:
        return self.folder / JOURNAL

    def reopen(self, kept: Sequence[tuple[str, PackPart]]) -> None:
        """From now on the pack is not finished: keep what is good in the journal, take the index away."""
        with explained_disk(f"writing to {self.folder}"):
            lines = [_line(version, part) for version, part in kept]
            self.put(JOURNAL, "".join(lines).encode())
            for name in (SUMS, INDEX, HANDOVER):
                (self.folder / name).unlink(missing_ok=True)

    def note(self, version: str, part: PackPart) -> None:
        """Write down that a part is finished."""
        with explained_disk(f"writing to {self.folder}"), self._journal.open("a") as journal:
            journal.write(_line(version, part))
            journal.flush()
            os.fsync(journal.fileno())

    @contextmanager
    def writing(self, file: str) -> Iterator[BinaryIO]:
        """A new file that gets its name when all of it is on the disk; nothing is left of it otherwise."""
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

    def put(self, file: str, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        with self.writing(file) as stream:
            stream.write(content)

    def close(self) -> None:
        """The pack is finished: the index tells everything now."""
        self._journal.unlink(missing_ok=True)


def _line(version: str, part: PackPart) -> str:
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


def placed(sizes: Sequence[int], disks: Sequence[Disk], room: Free = free) -> list[Disk]:
    """A disk for each file of these sizes, in order; the first that it fits on.

    Raises `DiskError` that says how much is missing, before anything is written. Folders of one file system
    share its room.
    """
    with explained_disk("looking at the disks"):
        devices = {disk.number: disk.folder.stat().st_dev for disk in disks}
        left = {devices[disk.number]: room(disk.folder) - _RESERVE for disk in disks}
    begun, chosen = dict(left), []
    for size in sizes:
        disk = next((disk for disk in disks if left[devices[disk.number]] >= size), None)
        if disk is None:
            raise DiskError(_too_small(sizes, disks, [begun[devices[disk.number]] for disk in disks]))
        left[devices[disk.number]] -= size
        chosen.append(disk)
    return chosen


def _too_small(sizes: Sequence[int], disks: Sequence[Disk], rooms: Sequence[int]) -> str:
    listed = "\n".join(
        f"  {disk.folder}: {human_size(max(0, left))} free" for disk, left in zip(disks, rooms, strict=True)
    )
    return (
        f"the pack takes {human_size(sum(sizes))} more, in parts of up to {human_size(max(sizes))}, "
        f"too much for:\n"
        f"{listed}\nNothing was written. Give larger disks, or more: `acr-transfer pack DIR1 DIR2 ...`"
    )
