"""The result of copying one blob, and the progress of a copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import TransferError


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


async def copied(target: TargetBlob, copy: Callable[[TargetBlob], Awaitable[CopyMode | None]]) -> CopyResult:
    """Run `copy` unless an equal blob exists. A failure is part of the result, so other blobs continue."""
    blob = target.blob
    try:
        if await target.exists():
            return CopyResult(blob=blob, outcome=Outcome.PRESENT)
        mode = await copy(target)
    except TransferError as error:
        return CopyResult(blob=blob, outcome=Outcome.FAILED, sent=target.sent, error=error)
    return CopyResult(blob=blob, outcome=Outcome.COPIED, sent=target.sent, mode=mode)
