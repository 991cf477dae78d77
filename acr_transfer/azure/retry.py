"""How often and when a request to storage is made again."""

from __future__ import annotations

import random
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.storage.blob.aio import ExponentialRetry

from acr_transfer.copy.throttle import Pace

BUSY = (429, 503)
"""The service, or something before it, asks for less.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

_AGAIN = (408, *BUSY, 500, 502, 504)
_LONGEST = 30.0
_TRIES = 7


class Patience(ExponentialRetry):
    """Makes failed requests again, and lets the pace of the copy follow what the service says.

    Azure's own policies know neither 429 nor `Retry-After`. Seven tries take about a minute.
    https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
    """

    def __init__(self, pace: Pace, tries: int = _TRIES) -> None:
        """`tries`: how often a request is made in all."""
        super().__init__(retry_total=tries - 1)
        self._pace = pace

    async def send(  # type: ignore[override]
        self, request: PipelineRequest[Any]
    ) -> PipelineResponse[Any, Any]:
        """Send, and again while that may help; the last answer or failure is what counts."""
        settings = self.configure_retries(request)
        body = request.http_request.body
        # The base class is typed as its synchronous twin.
        following: Any = self.next
        transport: Any = request.context.transport
        for tries in range(settings["total"] + 1):
            last = tries == settings["total"]
            await self._pace.calm()
            if tries and hasattr(body, "seek"):
                body.seek(settings["body_position"])
            try:
                response: PipelineResponse[Any, Any] = await following.send(request)
            except AzureError as error:
                if last or type(error).__name__ == "AzureSigningError":
                    raise
                wait = _backoff(tries)
            else:
                wait = self._wait(response, tries)
                if last or not wait:
                    # Readers of answers expect to be told which of an account's places answered.
                    response.http_response.location_mode = settings["mode"]
                    return response
            await transport.sleep(wait)
        raise AssertionError("no try was the last")

    def _wait(self, response: PipelineResponse[Any, Any], tries: int) -> float:
        """Seconds until the next try; 0: the answer counts."""
        status = response.http_response.status_code
        if status in BUSY:
            asked = _asked(response) or _backoff(tries)
            self._pace.busy(asked)
            return asked
        if status < 400:
            self._pace.went_well()
        return _backoff(tries) if status in _AGAIN else 0.0


def _backoff(tries: int) -> float:
    """Short at first, because a person is watching; spread, so that many do not come back at once."""
    return random.uniform(0.5, 1.0) * min(_LONGEST, 2.0**tries)


def _asked(response: PipelineResponse[Any, Any]) -> float:
    """What `Retry-After` says, in seconds; a date is not what storage sends."""
    text = response.http_response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
