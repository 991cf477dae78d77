"""Long-running operations, polled as azcore's pollers do.

https://github.com/Azure/azure-sdk-for-go/tree/main/sdk/azcore/internal/pollers
"""

import json

import requests

from sandbox.pulumi_plugins.azure_native.http_client import HttpClient, ResponseError, checked
from sandbox.pulumi_plugins.protocol.call_context import Deadline, ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_FAILED = {"failed", "canceled", "cancelled"}
_DONE = {"succeeded", "completed", *_FAILED}
_INTERVAL = 10.0
"""Seconds between polls without a Retry-After header."""


class OperationPoller:
    """Waits for long-running operations."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def wait_for_put(
        self, response: requests.Response, first: Values, path: str, query: dict[str, str]
    ) -> Values:
        """The resource after a PUT or PATCH; raises ResponseError if the operation failed."""
        state, operation = _state(first), response.headers.get("Azure-AsyncOperation")
        if state in ("succeeded", "failed") or (not state and not operation and response.status_code != 202):
            # The 201 of an identity has a Location, but the plugin does not wait for it.
            return _succeeded(first, response.status_code)
        if operation:
            self._poll_link(operation)
            return checked(self._http.send("GET", path, query))
        location = response.headers.get("Location")
        return self._poll_link(location) if location else self._poll_resource(first, path, query)

    def wait_for_delete(self, response: requests.Response) -> None:
        """Wait for an accepted DELETE."""
        link = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location")
        if not link:
            raise ProviderError("response is missing polling URL")
        self._poll_link(link)

    def _poll_resource(self, body: Values, path: str, query: dict[str, str]) -> Values:
        """Poll the resource itself, as for a vault in the state RegisteringDns."""
        deadline = Deadline()
        while _state(body) and _state(body) not in _DONE:
            response = self._http.send("GET", path, query)
            body = checked(response)
            if _state(body) not in _DONE:
                deadline.check()
                pause(_interval(response))
        return _succeeded(body, 200)

    def _poll_link(self, link: str) -> Values:
        deadline = Deadline()
        while True:
            response = self._http.send_to("GET", link)
            if response.status_code == 404:  # the resource was deleted
                return {}
            body = checked(response, 200, 202, 204)
            status = str(body.get("status") or "").lower()
            if status in _FAILED:
                raise ResponseError(response.status_code, response.text)
            if status in _DONE or (response.status_code != 202 and not status):
                return body
            deadline.check()
            pause(_interval(response))


def _succeeded(body: Values, status: int) -> Values:
    if _state(body) in _FAILED:
        raise ResponseError(status, json.dumps(body))
    return body


def _state(body: Values) -> str:
    inner = body.get("properties")
    return str(inner.get("provisioningState") or "").lower() if isinstance(inner, dict) else ""


def _interval(response: requests.Response) -> float:
    """Seconds until the next poll; like azcore, this ignores `Retry-After: 0`."""
    if milliseconds := response.headers.get("Retry-After-Ms"):
        return int(milliseconds) / 1000
    seconds = float(response.headers.get("Retry-After") or 0)
    return seconds if seconds > 0 else _INTERVAL
