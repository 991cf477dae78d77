"""The result of copying one blob, and the progress of a copy."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.content.client import ContentClient
from acr_transfer.azure.found_blobs import FoundBlobs, find_blobs
from acr_transfer.azure.storage_limits import storage_request
from acr_transfer.azure.throttle import Throttle
from acr_transfer.concurrency import run_concurrently
from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import MissingError, TransferError, host


class Outcome(StrEnum):
    """The outcome for one blob."""

    COPIED = "copied"
    PRESENT = "already there"
    IMPORTED = "imported"
    FAILED = "failed"


class CopyMode(StrEnum):
    """The route of the content from one storage service to the other."""

    AUTO = "auto"
    SERVER = "server"
    STREAM = "stream"


@dataclass(frozen=True, kw_only=True)
class CopyResult:
    """The result for one blob."""

    blob: SourceBlob
    outcome: Outcome
    sent: int = 0
    """Bytes that this run sent; earlier runs sent the rest."""

    mode: CopyMode | None = None
    """The route; None for a blob that was not copied, or that came from a disk."""

    error: TransferError | None = None


class CopyProgress(Protocol):
    """Receives the progress of a copy."""

    def begin(self, blobs: int, size: int) -> None:
        """Called once before the first byte is copied: the number of blobs and their bytes."""

    def advance(self, name: str, size: int, sent: bool) -> None:
        """Called when `size` more bytes of a blob are staged; `sent`: this run had to send them."""


Imports = Callable[[], Awaitable[Mapping[str, datetime]]]
"""Returns the start of the last import run of each blob, if that run succeeded."""


async def no_imports() -> Mapping[str, datetime]:
    """No blob was imported, as far as is known."""
    return {}


async def copy_blobs(
    blobs: Sequence[SourceBlob],
    container: ContainerClient,
    throttle: Throttle,
    progress: CopyProgress,
    copy: Callable[[TargetBlob], Awaitable[CopyMode | None]],
    at_a_time: int,
    imports: Imports = no_imports,
) -> list[CopyResult]:
    """Run `copy` for each blob that has no equal blob in the container; return the results in order.

    A blob that is not in the container, because a run has imported it since it was written, is not copied.
    A failure is part of the blob's result, so the other blobs continue. Raises `MissingError` if the
    container does not exist.
    """
    found = await _found(container, blobs)
    async with ContentClient(container, throttle) as content:
        targets = [TargetBlob(blob, found, content, progress.advance) for blob in blobs]
        started = await imports() if any(target.is_absent for target in targets) else {}
        progress.begin(len(blobs), sum(blob.size for blob in blobs))

        async def copy_one(target: TargetBlob) -> CopyResult:
            if skipped := _reason_to_skip(target, started):
                target.count(target.blob.size, sent=False)
                return CopyResult(blob=target.blob, outcome=skipped)
            return await _copied(target, copy)

        return await run_concurrently(copy_one, targets, at_a_time)


def _reason_to_skip(target: TargetBlob, started: Mapping[str, datetime]) -> Outcome | None:
    if target.is_present:
        return Outcome.PRESENT
    imported = target.is_absent and target.blob.is_imported(started.get(target.blob.name))
    return Outcome.IMPORTED if imported else None


async def _copied(target: TargetBlob, copy: Callable[[TargetBlob], Awaitable[CopyMode | None]]) -> CopyResult:
    try:
        mode = await copy(target)
    except TransferError as error:
        return CopyResult(blob=target.blob, outcome=Outcome.FAILED, sent=target.sent, error=error)
    return CopyResult(blob=target.blob, outcome=Outcome.COPIED, sent=target.sent, mode=mode)


async def _found(container: ContainerClient, blobs: Sequence[SourceBlob]) -> FoundBlobs:
    where = host(container.url)
    with storage_request("reading the target's container", where, needs="to read blobs"):
        try:
            return await find_blobs(container, [blob.name for blob in blobs])
        except ResourceNotFoundError:
            raise MissingError(
                f"the target's container {container.container_name} at {where} does not exist. "
                "Run `pulumi up` on the target stack."
            ) from None
