"""Limits of HTTP requests: how many bytes a body may have, and how long a request may take."""

from dataclasses import dataclass

import aiohttp

from acr_transfer.errors import BrokenAnswerError, InterruptedAnswerError
from acr_transfer.units import human_size

_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """The limits of requests to one kind of service. The client declares its own; tests lower them."""

    body: int
    """The most bytes of a body that is kept in memory."""

    connect: float
    """Seconds for a connection."""

    idle: float
    """Seconds without a byte."""

    total: float
    """Seconds for one request with its body: a server that sends a byte now and then is never idle."""

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The times as aiohttp takes them."""
        return aiohttp.ClientTimeout(total=self.total, sock_connect=self.connect, sock_read=self.idle)

    async def read(self, response: aiohttp.ClientResponse, resource: str) -> bytes:
        """Return a response's body. Raises `BrokenAnswerError` if it is too large.

        Raises `InterruptedAnswerError` if it ends early or is too slow.
        """
        content = bytearray()
        try:
            async for chunk in response.content.iter_chunked(_CHUNK):
                content += chunk
                if len(content) > self.body:
                    raise BrokenAnswerError(f"{resource}: the body has more than {human_size(self.body)}")
        except TimeoutError:
            late = f"{resource}: the body did not arrive in {self.total:.0f} s"
            raise InterruptedAnswerError(late) from None
        except aiohttp.ClientError as error:
            early = f"{resource}: {type(error).__name__}, the body ended early"
            raise InterruptedAnswerError(early) from None
        return bytes(content)
