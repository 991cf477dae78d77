"""Reads and writes the content of the blobs of one container: threads, one connection for each transfer.

Azure's asynchronous client spends more processor time on each byte than the network, and holds the bytes
several times. It is still used for everything but content.
"""

import asyncio
import base64
import contextlib
import http.client
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from azure.core.exceptions import AzureError, ServiceResponseError, ServiceResponseTimeoutError
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.content.connection import LIMITED_PIECE, PIECE, Connection, Request, check_content
from acr_transfer.azure.content.signing import Signer
from acr_transfer.azure.content.transfer_job import TransferJob
from acr_transfer.azure.storage_limits import blob_client
from acr_transfer.azure.storage_retry import seconds_until_retry
from acr_transfer.azure.throttle import MAX_IN_FLIGHT, Throttle
from acr_transfer.errors import host

_REPORT_SECONDS = 0.25
"""Seconds between two reports of the progress of one transfer."""

Result = TypeVar("Result")
Moved = Callable[[int], None]
"""Receives the bytes of content that the current attempt has sent; fewer than before if it is a new one."""


class SourceError(AzureError):
    """A request to the source failed during a request to the target; `cause` is the failure."""

    def __init__(self, cause: AzureError) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


class ContentClient:
    """The content of the blobs of one container. An asynchronous context manager, which closes connections.

    Its requests are repeated by the rule of `acr_transfer.retry`, wait while a service throttles, and keep
    the rate of the throttle. They raise `AzureError` with the last failure, or `BrokenAnswerError` for a
    response that is not one of a storage service.
    """

    def __init__(self, container: ContainerClient, throttle: Throttle) -> None:
        """Connects when the first request is sent."""
        self.container, self.throttle = container, throttle
        self.host = host(container.url)
        self._signer = Signer(container)
        self._idle: list[Connection] = []
        self._threads = ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="content")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections, after the running transfers."""
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()

    async def read_into(self, name: str, etag: str, start: int, buffer: memoryview) -> None:
        """Fill a buffer with a range of a blob's version.

        https://learn.microsoft.com/rest/api/storageservices/get-blob
        """

        async def attempt() -> None:
            request = await self.reading(name, etag, start, len(buffer))
            await self.run(lambda job: self._read(job, request, start, buffer))

        await self.repeat(attempt)

    async def reading(self, name: str, etag: str, start: int, length: int) -> Request:
        """The request for a range of a blob's version."""
        headers = {"If-Match": etag, "x-ms-range": f"bytes={start}-{start + length - 1}"}
        return await self._signer.sign("GET", blob_client(self.container, name).url, headers)

    async def writing(
        self, name: str, size: int, headers: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> Request:
        """The request that writes a blob or, with a query, a part of one."""
        url = blob_client(self.container, name).url
        more = "&".join(f"{key}={quote(value, safe='')}" for key, value in (query or {}).items())
        url += (("&" if "?" in url else "?") + more) if more else ""
        return await self._signer.sign("PUT", url, {"Content-Length": str(size), **headers})

    async def put_block(
        self, name: str, block_id: str, content: bytes | memoryview, headers: Mapping[str, str]
    ) -> None:
        """Send a block; `block_id` is its ID before base64, as in Azure's client.

        https://learn.microsoft.com/rest/api/storageservices/put-block
        """
        query = {"comp": "block", "blockid": encoded_block_id(block_id)}
        view = memoryview(content)

        async def attempt() -> None:
            request = await self.writing(name, len(view), headers, query)
            await self.run(lambda job: self._write(job, request, view))

        await self.repeat(attempt)

    async def repeat(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Make attempts until one succeeds or another cannot help; return or raise the last outcome."""
        for number in range(1, self.throttle.tries + 1):
            await self.throttle.wait_for_pause()
            try:
                result = await attempt()
            except AzureError as error:
                cause = error.cause if isinstance(error, SourceError) else error
                wait = seconds_until_retry(self.throttle, cause, number)
                if number == self.throttle.tries or not wait:
                    raise
            else:
                self.throttle.record_success()
                return result
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def run(self, work: Callable[[TransferJob], Result], moved: Moved = lambda _: None) -> Result:
        """Run one transfer in a thread. A cancelled or overdue one has ended when this returns."""
        job = TransferJob()

        def begun() -> Result:
            job.begin()
            return work(job)

        running = asyncio.get_running_loop().run_in_executor(self._threads, begun)
        try:
            await _watch(running, job, moved)
        except asyncio.CancelledError:
            job.end()
            await asyncio.wait({running})
            running.exception()
            raise
        if job.ended and running.exception():
            raise ServiceResponseTimeoutError("no complete response within the time limit")
        return running.result()

    @contextlib.contextmanager
    def connection(self, job: TransferJob, url: str) -> Iterator["Lease"]:
        """A connection for one request of a job, which is closed afterwards unless it can be used again."""
        lease = Lease(self._open(url))
        try:
            job.use(lease.connection)
            yield lease
        finally:
            if lease.reusable:
                self._idle.append(lease.connection)
            else:
                lease.connection.close()

    def _open(self, url: str) -> Connection:
        # Another thread may take the last one meanwhile.
        with contextlib.suppress(IndexError):
            while kept := self._idle.pop():
                if kept.reusable:
                    return kept
                kept.close()
        return Connection(url)

    def _read(self, job: TransferJob, request: Request, start: int, buffer: memoryview) -> None:
        with self.connection(job, request.url) as lease:
            response = lease.ask(request)
            check_content(response, start, len(buffer), self.host)
            for at in range(0, len(buffer), PIECE):
                lease.fill(job, response, buffer[at : at + PIECE])
            lease.finish(response)

    def _write(self, job: TransferJob, request: Request, content: memoryview) -> None:
        with self.connection(job, request.url) as lease:
            lease.connection.begin(request)
            lease.send_all(job, self.throttle, request, content)
            lease.finish(lease.connection.response(request))


class Lease:
    """A connection during one request of a job."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.reusable = False
        """Whether the request is complete, so that another may follow."""

    def ask(self, request: Request) -> http.client.HTTPResponse:
        """Send a request without a body; return its response."""
        self.connection.begin(request)
        return self.connection.response(request)

    def fill(self, job: TransferJob, response: http.client.HTTPResponse, piece: memoryview) -> None:
        """Fill a buffer with the next bytes of a body."""
        self.connection.read_into(response, piece)
        job.passed(len(piece))

    def send_all(self, job: TransferJob, throttle: Throttle, request: Request, content: memoryview) -> None:
        """Send bytes of a body at the rate of the throttle.

        Raises the service's response if it refused the request before the body was complete.
        """
        size = LIMITED_PIECE if throttle.sending.rate else PIECE
        for start in range(0, len(content), size):
            piece = content[start : start + size]
            job.wait_for(throttle.sending, len(piece))
            try:
                self.connection.send(piece)
            except AzureError:
                # A service that refuses a request closes the connection, often before it has read the body.
                with contextlib.suppress(ServiceResponseError):
                    self.connection.response(request)
                raise
            job.passed(len(piece))

    def finish(self, response: http.client.HTTPResponse) -> None:
        """Read the rest of the response."""
        self.reusable = self.connection.finish(response)


def encoded_block_id(block_id: str) -> str:
    """A block's ID in base64, as Azure's client sends it."""
    return base64.b64encode(block_id.encode()).decode()


async def _watch(running: asyncio.Future[Result], job: TransferJob, moved: Moved) -> None:
    """Wait for the end of a job, report its progress, and end it after its time limit."""
    while not running.done():
        await asyncio.wait({running}, timeout=_REPORT_SECONDS)
        moved(job.delivered)
        if not job.ended and job.seconds_left < 0:
            job.end()
