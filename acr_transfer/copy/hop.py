"""Carry every exported blob from the source's container to the target's, side by side, in bounded memory."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, ContainerClient

from acr_transfer.concurrency import together
from acr_transfer.copy import target_blob
from acr_transfer.copy.blocks import CATEGORY, Exported, category
from acr_transfer.copy.server_side import Chooser, Link, Way, linked
from acr_transfer.copy.streamed import Advance, streamed
from acr_transfer.copy.throttle import Pace
from acr_transfer.errors import MissingError, NothingExportedError, TransferError, error_code, explained, host

_SIDE_BY_SIDE = 4
"""Blobs that are copied at the same time."""

_QUESTIONS = 16
"""Requests for properties that are under way at the same time."""


class Outcome(StrEnum):
    """What became of one blob."""

    COPIED = "copied"
    PRESENT = "already there"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Carried:
    """One blob, and what became of it."""

    name: str
    size: int
    md5: bytes
    outcome: Outcome
    sent: int = 0
    """Bytes that this run sent; the others were at the target from an earlier one."""

    way: Way | None = None
    error: TransferError | None = None

    @property
    def md5_text(self) -> str:
        """The MD5 as the header Content-MD5 spells it (base64)."""
        return base64.b64encode(self.md5).decode()


Begin = Callable[[int, int], None]
"""Told the number of blobs and their bytes once they are known, before the first is copied."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Between which containers blobs are carried, and how."""

    source: ContainerClient
    target: ContainerClient
    pace: Pace
    chooser: Chooser


def line(
    source: ContainerClient,
    target: ContainerClient,
    pace: Pace | None = None,
    link: Link | None = None,
    way: Way = Way.AUTO,
) -> Line:
    """A line between two containers. Without a `link` everything passes this machine."""
    return Line(source=source, target=target, pace=pace or Pace(), chooser=Chooser(way, link))


async def hop(names: Sequence[str], between: Line, begin: Begin, advance: Advance) -> list[Carried]:
    """Copy the blobs `names`; what became of each, in their order, failures among them.

    What can be known beforehand is checked before the first byte moves: raises `NothingExportedError`
    with every fault of the source, `MissingError` if the target's container is not there.
    """
    exported = await exported_blobs(list(dict.fromkeys(names)), between.source)
    await container_is_there(between.target)
    begin(len(exported), sum(blob.size for blob in exported))

    async def carry(blob: Exported) -> Carried:
        return await _carried(blob, between, advance)

    return await together(carry, exported, _SIDE_BY_SIDE)


async def _carried(blob: Exported, between: Line, advance: Advance) -> Carried:
    sent = 0

    def tell(name: str, size: int, needed: bool) -> None:
        nonlocal sent
        sent += size if needed else 0
        advance(name, size, needed)

    outcome, way, error = Outcome.PRESENT, None, None
    try:
        target = between.target.get_blob_client(blob.name)
        way = await _copied(blob, target, between, tell)
        if way:
            outcome = Outcome.COPIED
        else:
            tell(blob.name, blob.size, False)
    except TransferError as failure:
        # The others go on: what they bring is not lost, and the next run skips it.
        outcome, error = Outcome.FAILED, failure
    return Carried(
        name=blob.name, size=blob.size, md5=blob.md5, outcome=outcome, sent=sent, way=way, error=error
    )


async def _copied(blob: Exported, target: BlobClient, between: Line, tell: Advance) -> Way | None:
    """Copy one blob; None if an equal one was there already.

    Nothing is visible at the target before the commit, and nothing passes this machine and is committed whose
    MD5 is not the one that the export run wrote.
    """
    there = await target_blob.look(target)
    if there is not None and target_blob.equal(blob, there):
        return None
    link = await between.chooser.choose(blob, target)
    if link is None:
        source = between.source.get_blob_client(blob.name)
        identifiers = await streamed(blob, source, target, between.pace, tell)
    else:
        identifiers = await linked(blob, link, target, between.pace, tell)
    await target_blob.commit(blob, target, there, identifiers)
    return Way.SERVER if link else Way.STREAM


async def exported_blobs(names: Sequence[str], source: ContainerClient) -> list[Exported]:
    """The blobs as they are at the source, or a `NothingExportedError` with every fault of them."""

    async def ask(name: str) -> Exported | str:
        return await _one_exported(name, source)

    if not names:
        raise NothingExportedError(
            "the source stack's hand-over names no blob: nothing was exported. "
            "Set acr-transfer:artifacts and run `pulumi up` on the source stack."
        )
    answers = await together(ask, names, _QUESTIONS)
    faults = [answer for answer in answers if isinstance(answer, str)]
    if faults:
        raise NothingExportedError("these blobs cannot be carried:\n  " + "\n  ".join(faults))
    return [answer for answer in answers if isinstance(answer, Exported)]


async def _one_exported(name: str, source: ContainerClient) -> Exported | str:
    """What is to be copied, or why it must not be."""
    with explained(f"looking for blob {name} at the source", host(source.url), needs="to read blobs"):
        try:
            there = await source.get_blob_client(name).get_blob_properties()
        except ResourceNotFoundError as error:
            what = "the container itself" if error_code(error) == "ContainerNotFound" else "the blob"
            return (
                f"{name}: {what} is not there, so its export run has not succeeded, or it was removed since. "
                "See output `runs` of the source stack, and run `pulumi up` on it with a new forceUpdateTag."
            )
    md5 = bytes(there.content_settings.content_md5 or b"")
    lacking = [] if md5 else ["Content-MD5"]
    if category(there.metadata) != CATEGORY:
        lacking.append(f"metadata category={CATEGORY}")
    if lacking:
        return (
            f"{name}: has no {' and no '.join(lacking)}, so the import trigger would never see it. "
            "No export run wrote it so: some other tool did. Export it again."
        )
    return Exported(
        name=name,
        size=there.size,
        md5=md5,
        etag=there.etag,
        metadata=there.metadata,
        settings=there.content_settings,
    )


async def container_is_there(target: ContainerClient) -> None:
    """Raise `MissingError` if the container that blobs shall arrive in is not there."""
    with explained("looking for the target's container", host(target.url), needs="to read the container"):
        try:
            await target.get_container_properties()
        except ResourceNotFoundError:
            raise MissingError(
                f"the target's container {target.container_name} at {host(target.url)} is not there. "
                "Run `pulumi up` on the target stack."
            ) from None
