"""The retry policy of storage clients."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.storage.blob.aio import ExponentialRetry

from acr_transfer.azure.throttle import Throttle
from acr_transfer.retry import THROTTLED, TRANSIENT, wait_before_retry

_BUSY_SOURCE = ("ServerBusy", "InternalError", "OperationTimedOut")
"""Codes of a busy source of a server-side copy; Azure's client repeats the request, whatever its status."""


class StorageRetry(ExponentialRetry):
    """Repeats failed requests by the rule of `acr_transfer.retry`, and reports throttling to the throttle.

    Azure's own policies know neither 429 nor `Retry-After`.
    """

    def __init__(self, throttle: Throttle, tries: int | None = None) -> None:
        """`tries`: the number of attempts for one request, if it is not that of the throttle."""
        super().__init__(retry_total=(tries or throttle.tries) - 1)
        self._throttle = throttle

    async def send(  # type: ignore[override]
        self, request: PipelineRequest[Any]
    ) -> PipelineResponse[Any, Any]:
        """Send the request until it succeeds or a retry cannot help; return or raise the last outcome."""
        settings = self.configure_retries(request)
        body = request.http_request.body
        # The base class is typed as its synchronous twin.
        following: Any = self.next
        transport: Any = request.context.transport
        tries = settings["total"] + 1
        for attempt in range(1, tries + 1):
            await self._throttle.wait_for_pause()
            if attempt > 1 and hasattr(body, "seek"):
                body.seek(settings["body_position"])
            try:
                response: PipelineResponse[Any, Any] = await following.send(request)
            except ClientAuthenticationError:
                raise  # From the credential, which has its own attempts.
            except AzureError as error:
                if attempt == tries or type(error).__name__ == "AzureSigningError":
                    raise
                wait = wait_before_retry(attempt)
            else:
                wait = self._wait(response, attempt)
                if attempt == tries or not wait:
                    # The SDK's response readers expect the location (primary or secondary) that answered.
                    response.http_response.location_mode = settings["mode"]
                    return response
            await transport.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, response: PipelineResponse[Any, Any], attempt: int) -> float:
        """Seconds until the next attempt; 0 if the response is final."""
        status = response.http_response.status_code
        if status < 400:
            self._throttle.record_success()
        return _wait_after(self._throttle, status, response.http_response.headers, attempt)


def is_transient(error: HttpResponseError) -> bool:
    """Whether a later attempt may succeed where this response was the last one."""
    return _is_transient(error.status_code or 0, getattr(error.response, "headers", None) or {})


def _is_transient(status: int, headers: Mapping[str, str]) -> bool:
    return status in TRANSIENT or headers.get("x-ms-copy-source-error-code") in _BUSY_SOURCE


def seconds_until_retry(throttle: Throttle, error: AzureError, attempt: int) -> float:
    """Seconds from a failed attempt (1 for the first) to the next one; 0 if another one cannot help.

    A throttling response is reported to the throttle.
    """
    if isinstance(error, ClientAuthenticationError):
        return 0.0
    if not isinstance(error, HttpResponseError):
        return wait_before_retry(attempt)
    headers = getattr(error.response, "headers", None) or {}
    return _wait_after(throttle, error.status_code or 0, headers, attempt)


def _wait_after(throttle: Throttle, status: int, headers: Mapping[str, str], attempt: int) -> float:
    if not _is_transient(status, headers):
        return 0.0
    wait = wait_before_retry(attempt, headers.get("Retry-After", ""))
    if status in THROTTLED:
        throttle.record_throttled(wait)
    return wait
