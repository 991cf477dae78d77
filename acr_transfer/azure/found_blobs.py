"""Finds the blobs of some names in a container, with their properties, by as few requests as possible.

https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.storage_limits import blob_client
from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import error_code

_PAGE = 1000
"""Blobs on a page of a list: with 8 KiB of metadata each, it is below the limit for a response."""

_NAMES_FOR_A_PAGE = 8
"""Names for which one more page is read: in a container of very many blobs, single requests are fewer."""

_PROPERTY_REQUESTS = 16
"""Requests for properties in flight."""


@dataclass
class FoundBlobs:
    """The blobs of some names."""

    committed: dict[str, BlobProperties] = field(default_factory=dict)
    """The properties of those that exist, as a request for one blob returns them."""

    uncommitted: set[str] = field(default_factory=set)
    """The names that may have uncommitted blocks."""

    server: str = ""
    """The header `Server` of the last response."""


async def find_blobs(container: ContainerClient, names: Sequence[str]) -> FoundBlobs:
    """Find the blobs `names`, by the container's list or one by one.

    One page of the list is read for each eight names; the names that are open then, or all if the caller may
    not list, take one request each. Raises `ResourceNotFoundError` if there is no container, or another
    `AzureError`.
    """
    finder = _Finder(container, names)
    if len(names) > 1:
        await finder.read_list()
    await run_concurrently(finder.read, sorted(finder.open), _PROPERTY_REQUESTS)
    return finder.found


class _Finder:
    def __init__(self, container: ContainerClient, names: Sequence[str]) -> None:
        self._container, self._names = container, names
        self.found, self.open, self._unclear = FoundBlobs(), set(names), set[str]()

    async def read_list(self) -> None:
        """Read the list as far as it takes fewer requests than one for each open name."""
        listed = self._container.list_blobs(
            name_starts_with=os.path.commonprefix(list(self._names)) or None,  # noqa: RUF071  # no folders
            include=["metadata", "uncommittedblobs"],
            results_per_page=_PAGE,
            raw_response_hook=self._note,
        )
        try:
            await self._read_pages(listed.by_page())
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.FORBIDDEN:
                raise

    async def _read_pages(self, pages: Any) -> None:
        for _ in range(-(-len(self._names) // _NAMES_FOR_A_PAGE)):
            self._take([blob async for blob in await anext(pages)])
            if not pages.continuation_token:
                self.open &= self._unclear  # The list is complete: the other names do not exist.
                return

    def _take(self, page: Iterable[BlobProperties]) -> None:
        for blob in page:
            if blob.name not in self.open:
                continue
            if not blob.size and blob.content_settings.content_type is None:
                self._unclear.add(blob.name)  # Uncommitted blocks, or a blob without content and type.
            else:
                self.open.discard(blob.name)
                self._keep(blob)

    def _keep(self, blob: BlobProperties) -> None:
        """Store a blob as a request for it alone returns it."""
        blob.etag = blob.etag if blob.etag.startswith('"') else f'"{blob.etag}"'
        blob.metadata = {name: value or "" for name, value in blob.metadata.items()}
        self.found.committed[blob.name] = blob

    async def read(self, name: str) -> None:
        """Read the properties of one blob. A response does not show whether there are uncommitted blocks."""
        self.found.uncommitted.add(name)
        try:
            blob = await blob_client(self._container, name).get_blob_properties(raw_response_hook=self._note)
        except ResourceNotFoundError as error:
            if error_code(error) == "ContainerNotFound":
                raise
        else:
            self.found.committed[name] = blob

    def _note(self, response: Any) -> None:
        self.found.server = response.http_response.headers.get("Server", "")
