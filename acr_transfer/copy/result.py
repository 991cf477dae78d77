"""The result of copying one blob, and the progress of a copy."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.content.client import ContentClient
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


async def copy_blobs(
    blobs: Sequence[SourceBlob],
    container: ContainerClient,
    throttle: Throttle,
    progress: CopyProgress,
    copy: Callable[[TargetBlob], Awaitable[CopyMode | None]],
    at_a_time: int,
) -> list[CopyResult]:
    """Run `copy` for each blob that has no equal blob in the container; return the results in order.

    A failure is part of the blob's result, so the other blobs continue. Raises `MissingError` if the
    container does not exist.
    """
    with storage_request(
        "reading the target's container", host(container.url), needs="to read the container"
    ):
        try:
            await container.get_container_properties()
        except ResourceNotFoundError:
            raise MissingError(
                f"the target's container {container.container_name} at {host(container.url)} does not exist. "
                "Run `pulumi up` on the target stack."
            ) from None
    progress.begin(len(blobs), sum(blob.size for blob in blobs))

    async def copy_one(blob: SourceBlob) -> CopyResult:
        target = TargetBlob(blob, content, progress.advance)
        try:
            if await target.exists():
                return CopyResult(blob=blob, outcome=Outcome.PRESENT)
            mode = await copy(target)
        except TransferError as error:
            return CopyResult(blob=blob, outcome=Outcome.FAILED, sent=target.sent, error=error)
        return CopyResult(blob=blob, outcome=Outcome.COPIED, sent=target.sent, mode=mode)

    async with ContentClient(container, throttle) as content:
        return await run_concurrently(copy_one, blobs, at_a_time)
