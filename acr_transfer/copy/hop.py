"""Copies every exported blob from the source's container to the target's: streamed or server-side."""

import asyncio
from collections.abc import Sequence

from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.containers import ReadLink
from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.fetch import UnreadableSourceError, fetch_blob
from acr_transfer.copy.result import CopyMode, CopyProgress, CopyResult, Imports, copy_blobs, no_imports
from acr_transfer.copy.source import SourceContainer
from acr_transfer.copy.stream import stream_blob
from acr_transfer.copy.target_blob import TargetBlob

_BLOBS_AT_A_TIME = 8


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
        self.mode = CopyMode.STREAM if link is None else None if mode is CopyMode.AUTO else mode
        """The mode that the run uses; None before the first copy of a blob with content decides it."""

        self.reason = ""
        """Why everything is streamed, if the first copy showed that; otherwise empty."""

        self._link = link
        self._probing = asyncio.Lock()

    async def copy(self, target: TargetBlob) -> CopyMode:
        """Copy a blob; the first one with content shows whether the target's storage can read the source."""
        mode = await self._mode_of(target)
        if mode is CopyMode.STREAM:
            await stream_blob(self.source, target)
        elif mode is CopyMode.SERVER and self._link:
            await fetch_blob(self._link, target)
        return CopyMode.SERVER if mode is None else mode

    async def _mode_of(self, target: TargetBlob) -> CopyMode | None:
        """How to copy a blob; None if the probe has copied it."""
        if not target.blob.size:
            return CopyMode.STREAM  # A blob without content shows nothing about the route.
        async with self._probing:
            if self.mode is None and self._link:
                return await self._probe(target, self._link)
        return self.mode

    async def _probe(self, target: TargetBlob, link: ReadLink) -> CopyMode | None:
        try:
            await fetch_blob(link, target)
        except UnreadableSourceError as error:
            if target.progress:
                raise  # The target's storage has read other blocks: a later run continues with the rest.
            self.mode, self.reason = CopyMode.STREAM, error.reason
            return self.mode
        self.mode = CopyMode.SERVER
        return None


async def hop(
    names: Sequence[str], route: Route, progress: CopyProgress, imports: Imports = no_imports
) -> list[CopyResult]:
    """Copy the blobs `names`; return the result of each, in their order, with failures.

    Before the first byte is copied, raises `NothingExportedError` with every fault of the source, or
    `MissingError` if the target's container does not exist. A blob is not visible at the target before all
    of it is staged, and a streamed one not before its MD5 is compared.
    """
    async with route.source as source:
        blobs = await source.find(names)
        # The others wait for the first copy, which shows whether the target can read the source.
        ordered = sorted(blobs, key=lambda blob: blob.size)
        results = await copy_blobs(
            ordered, route.target, route.throttle, progress, route.copy, _BLOBS_AT_A_TIME, imports
        )
        found = {result.blob.name: result for result in results}
        return [found[blob.name] for blob in blobs]
