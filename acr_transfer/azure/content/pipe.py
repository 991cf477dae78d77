"""Copies a blob as one request: the response of the source's Get Blob is the body of the target's Put Blob.

https://learn.microsoft.com/rest/api/storageservices/put-blob
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from azure.core.exceptions import AzureError

from acr_transfer.azure.content.client import ContentClient, Lease, SourceError
from acr_transfer.azure.content.connection import Request, check_content
from acr_transfer.azure.content.transfer_job import TransferJob

BUFFER = 256 * 1024
"""Bytes of content that a piped blob has in memory."""


@dataclass(frozen=True, kw_only=True)
class Piped:
    """What a piped copy transfers, and the properties of the new blob."""

    name: str
    etag: str
    size: int
    headers: Mapping[str, str]
    """The headers of the Put Blob, with the MD5 that the target compares with what it received."""


async def pipe(
    source: ContentClient, target: ContentClient, piped: Piped, moved: Callable[[int], None]
) -> str:
    """Copy a blob's version; return the ETag of the new one.

    Raises `SourceError` or another `AzureError` of the last attempt, or `BrokenAnswerError` for a response
    that is not one of a storage service. A failed attempt leaves no blob, because the body is not complete.
    """

    async def attempt() -> str:
        moved(0)
        reading = await source.reading(piped.name, piped.etag, 0, piped.size) if piped.size else None
        writing = await target.writing(piped.name, piped.size, piped.headers)
        one = _Pipe(source, target, reading, writing, piped.size)
        return await target.run(one.copy, moved)

    return await target.repeat(attempt)


@dataclass(frozen=True)
class _Pipe:
    """One attempt."""

    source: ContentClient
    target: ContentClient
    reading: Request | None
    writing: Request
    size: int

    def copy(self, job: TransferJob) -> str:
        """Transfer the content, in the calling thread."""
        with self.target.connection(job, self.writing.url) as to:
            if self.reading is None:
                to.connection.begin(self.writing)
            else:
                self._pass(job, self.reading, to)
            response = to.connection.response(self.writing)
            to.finish(response)
            return response.getheader("ETag") or ""

    def _pass(self, job: TransferJob, reading: Request, to: Lease) -> None:
        with self.source.connection(job, reading.url) as of:
            with _of_source():
                content = of.ask(reading)
                check_content(content, 0, self.size, self.source.host)
            # The source has answered: a refused read costs the target nothing.
            to.connection.begin(self.writing)
            buffer = memoryview(bytearray(min(BUFFER, self.size)))
            for start in range(0, self.size, BUFFER):
                piece = buffer[: min(BUFFER, self.size - start)]
                with _of_source():
                    job.wait_for(self.source.throttle.reading, len(piece))
                    of.fill(job, content, piece)
                to.send_all(job, self.target.throttle, self.writing, piece)
                job.delivered += len(piece)
            with _of_source():
                of.finish(content)


@contextmanager
def _of_source() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise SourceError(error) from None
