"""The retry policy of storage clients."""

from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.storage.blob.aio import ExponentialRetry

from acr_transfer.azure.throttle import Throttle
from acr_transfer.retry import THROTTLED, TRANSIENT, TRIES, wait_before_retry


class StorageRetry(ExponentialRetry):
    """Repeats failed requests by the rule of `acr_transfer.retry`, and reports throttling to the throttle.

    Azure's own policies know neither 429 nor `Retry-After`.
    """

    def __init__(self, throttle: Throttle, tries: int = TRIES) -> None:
        """`tries`: the number of attempts for one request."""
        super().__init__(retry_total=tries - 1)
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
        if status not in TRANSIENT:
            return 0.0
        wait = wait_before_retry(attempt, response.http_response.headers.get("Retry-After", ""))
        if status in THROTTLED:
            self._throttle.record_throttled(wait)
        return wait
