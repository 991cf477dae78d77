"""Bring the blobs of a packed folder to the container that they shall arrive in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyrage
from azure.storage.blob.aio import BlobClient, ContainerClient

from acr_transfer.concurrency import together
from acr_transfer.copy import target_blob
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.hop import Begin, Carried, Outcome, container_is_there
from acr_transfer.copy.streamed import Advance
from acr_transfer.copy.throttle import Pace
from acr_transfer.disk import folder
from acr_transfer.disk.encryption import Blocks, Identity
from acr_transfer.disk.layout import exported_blob, same_pack
from acr_transfer.errors import CopyError, InputError, TransferError
from acr_transfer.model.documents.pack_manifest import PackedBlob, PackManifest, PackPart

_SIDE_BY_SIDE = 2


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """One run of unpack."""

    folders: Sequence[Path]
    target: ContainerClient
    identities: Sequence[Identity]
    pace: Pace
    advance: Advance

    def found(self, part: PackPart) -> Path | None:
        """The file of a part, if one of the folders has it."""
        paths = (folder / part.file for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)


async def unpack(
    folders: Sequence[Path],
    target: ContainerClient,
    identities: Sequence[Identity],
    pace: Pace,
    begin: Begin,
    advance: Advance,
) -> list[Carried]:
    """Bring every blob of a pack to the target; what became of each, failures among them.

    Folders that are not given now can be given later: what is there of their blobs stays, unseen.
    Raises `InputError` for folders that are no pack, or of two, and for an encrypted one without a key.
    """
    whole, _ = await asyncio.to_thread(same_pack, folders)
    reader = _Reader(folders=folders, target=target, identities=identities, pace=pace, advance=advance)
    if whole.encrypted and not identities:
        raise InputError(f"the pack in {folders[0]} is encrypted: name your key with --identity FILE")
    _refuse_wrong_sizes(whole, reader)
    await container_is_there(target)
    begin(len(whole.blobs), sum(blob.size for blob in whole.blobs))
    return await together(partial(_carried, reader=reader, whole=whole), whole.blobs, _SIDE_BY_SIDE)


def _refuse_wrong_sizes(whole: PackManifest, reader: _Reader) -> None:
    faults = []
    for blob in whole.blobs:
        for part in blob.parts:
            path = reader.found(part)
            if path and path.stat().st_size != part.size:
                faults.append(f"{path}: {path.stat().st_size} bytes; expected {part.size}")
    if faults:
        raise CopyError("these parts are damaged; copy them from the disk again:\n  " + "\n  ".join(faults))


async def _carried(blob: PackedBlob, *, reader: _Reader, whole: PackManifest) -> Carried:
    sent = 0

    def tell(name: str, size: int, needed: bool) -> None:
        nonlocal sent
        sent += size if needed else 0
        reader.advance(name, size, needed)

    outcome, error = Outcome.COPIED, None
    try:
        if not await _arrived(blob, reader, whole, tell):
            outcome = Outcome.PRESENT
            tell(blob.name, blob.size, False)
    except TransferError as failure:
        outcome, error = Outcome.FAILED, failure
    exported = exported_blob(blob)
    return Carried(
        name=exported.name, size=exported.size, md5=exported.md5, outcome=outcome, sent=sent, error=error
    )


async def _arrived(blob: PackedBlob, reader: _Reader, whole: PackManifest, tell: Advance) -> bool:
    """Bring one blob; False if an equal one was there already."""
    target = reader.target.get_blob_client(blob.name)
    there = await target_blob.look(target)
    if there is not None and target_blob.equal(exported_blob(blob), there):
        return False
    staged = await target_blob.staged(target)
    missing = []
    for part in blob.parts:
        path, pieces = reader.found(part), _Pieces(blob, part, staged)
        if path is not None:
            await _bring(path, pieces, target, reader, whole.encrypted, tell)
        elif pieces.wanted:
            missing.append(f"{part.file} of disk {part.disk}")
        else:
            tell(blob.name, part.length, False)
    if missing:
        raise CopyError(
            f"blob {blob.name}: not all of it is here; not found: {', '.join(missing)}. "
            "What was here is at the target, unseen; run unpack with the missing within a week."
        )
    identifiers = [pieces_id for part in blob.parts for pieces_id in _Pieces(blob, part, staged).identifiers]
    await target_blob.commit(exported_blob(blob), target, there, identifiers)
    return True


class _Pieces:
    """The blocks of a part: where they belong, what their content must be, and which the target lacks."""

    def __init__(self, blob: PackedBlob, part: PackPart, staged: frozenset[str]) -> None:
        self.blob, self.part = blob, part
        exported, size = exported_blob(blob), blob.block_size
        self.blocks = [
            Block(start // size, start, min(size, part.start + part.length - start))
            for start in range(part.start, part.start + part.length, size)
        ]
        self.identifiers = [
            exported.block_id(block, sha256) for block, sha256 in zip(self.blocks, part.blocks, strict=True)
        ]
        self.wanted = {
            number for number, identifier in enumerate(self.identifiers) if identifier not in staged
        }

    def check(self, number: int, content: bytes, path: Path) -> None:
        """Raise `CopyError`, naming the place, if the content of a block is not what was packed."""
        block = self.blocks[number]
        if len(content) != block.length or hashlib.sha256(content).hexdigest() != self.part.blocks[number]:
            first = block.start - self.part.start
            raise CopyError(
                _damaged(path, self.part, f"its content from byte {first} to {first + block.length}")
            )


def _damaged(path: Path, part: PackPart, what: str) -> str:
    return (
        f"{path} is damaged: {what} is not what was packed. Copy the file from disk {part.disk} again; if "
        "it is damaged there, run `acr-transfer pack` with that disk again: it writes only this part anew. "
        "Nothing wrong is visible at the target."
    )


async def _bring(
    path: Path, pieces: _Pieces, target: BlobClient, reader: _Reader, encrypted: bool, tell: Advance
) -> None:
    """Send the blocks of a part that the target lacks, each after its content was compared with its hash."""
    name = pieces.blob.name
    for number in range(len(pieces.blocks)):
        if number not in pieces.wanted:
            tell(name, pieces.blocks[number].length, False)
    if not pieces.wanted:
        return

    async def send(number: int, content: bytes) -> None:
        try:
            md5 = hashlib.md5(content, usedforsecurity=False).digest()
            await target_blob.send(target, pieces.identifiers[number], content, md5, reader.pace)
            tell(name, len(content), True)
        finally:
            reader.pace.leave(pieces.blocks[number].length)

    try:
        async with asyncio.TaskGroup() as tasks:

            async def take(number: int, content: bytes) -> None:
                await reader.pace.enter(pieces.blocks[number].length)
                tasks.create_task(send(number, content))

            walk = _decrypted if encrypted else _plain
            loop = asyncio.get_running_loop()

            def wait(number: int, content: bytes) -> None:
                asyncio.run_coroutine_threadsafe(take(number, content), loop).result()

            await asyncio.to_thread(walk, path, pieces, wait, reader.identities)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


Wait = Callable[[int, bytes], None]


def _plain(path: Path, pieces: _Pieces, take: Wait, _: Sequence[Identity]) -> None:
    with folder.explained_disk(f"reading {path}"), path.open("rb") as stream:
        for number in sorted(pieces.wanted):
            block = pieces.blocks[number]
            stream.seek(block.start - pieces.part.start)
            content = stream.read(block.length)
            pieces.check(number, content, path)
            take(number, content)


def _decrypted(path: Path, pieces: _Pieces, take: Wait, identities: Sequence[Identity]) -> None:
    count, failure = 0, None

    def block(content: bytes) -> None:
        nonlocal count, failure
        try:
            if count in pieces.wanted:
                pieces.check(count, content, path)
                take(count, content)
        except BaseException as error:
            failure = error
            raise OSError from error
        count += 1

    blocks = Blocks(pieces.blob.block_size, block)
    with folder.explained_disk(f"reading {path}"), path.open("rb") as stream:
        try:
            pyrage.decrypt_io(stream, blocks, list(identities))
            blocks.finish()
        except (pyrage.DecryptError, OSError) as error:
            if failure is not None:
                raise failure from None
            if "No matching keys" in str(error):
                raise InputError(f"{path} was not encrypted for any key of --identity") from None
            raise CopyError(_damaged(path, pieces.part, "its encrypted content")) from None
    if count != len(pieces.blocks):
        raise CopyError(_damaged(path, pieces.part, "its end"))
