"""Copies every exported blob from the source's container to the target's."""

from __future__ import annotations

from collections.abc import Sequence

from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.containers import ReadLink
from acr_transfer.azure.throttle import Throttle
from acr_transfer.concurrency import run_concurrently
from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.result import CopyMode, CopyProgress, CopyResult, copied
from acr_transfer.copy.server_side import ModeProbe, fetch_blob
from acr_transfer.copy.source import SourceContainer
from acr_transfer.copy.streamed import stream_blob
from acr_transfer.copy.target_blob import TargetBlob, require_container

_BLOBS_AT_A_TIME = 4


class Route:
    """The two containers of a copy, and how the content gets from one to the other."""

    def __init__(
        self,
        source: ContainerClient,
        target: ContainerClient,
        throttle: Throttle | None = None,
        link: ReadLink | None = None,
        mode: CopyMode = CopyMode.AUTO,
    ) -> None:
        """Without a `link` to the source's blobs, everything is streamed."""
        self.throttle = throttle or Throttle()
        self.source, self.target = SourceContainer(source, self.throttle), target
        self.probe = ModeProbe(mode, link)


async def hop(names: Sequence[str], route: Route, progress: CopyProgress) -> list[CopyResult]:
    """Copy the blobs `names`; return the result of each, in their order, with failures.

    Before the first byte is copied, raises `NothingExportedError` with every fault of the source, or
    `MissingError` if the target's container does not exist. A blob is not visible at the target before all
    of it is staged, and a streamed one not before its MD5 is compared.
    """
    blobs = await route.source.find(names)
    await require_container(route.target)
    progress.begin(len(blobs), sum(blob.size for blob in blobs))

    async def copy(target: TargetBlob) -> CopyMode:
        link = await route.probe.link_for(target)
        if link is None:
            await stream_blob(route.source, target)
            return CopyMode.STREAM
        await fetch_blob(link, target)
        return CopyMode.SERVER

    async def hop_one(blob: SourceBlob) -> CopyResult:
        return await copied(TargetBlob(blob, route.target, route.throttle, progress.advance), copy)

    return await run_concurrently(hop_one, blobs, _BLOBS_AT_A_TIME)
