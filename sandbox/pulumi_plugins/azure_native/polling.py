"""Long-running operations, followed as azcore's pollers follow them.

https://github.com/Azure/azure-sdk-for-go/tree/main/sdk/azcore/internal/pollers
"""

from __future__ import annotations

import json
from urllib.parse import urljoin, urlsplit

import requests

from sandbox.pulumi_plugins.azure_native.http_client import HttpClient, ResponseError, checked
from sandbox.pulumi_plugins.protocol.call_context import Deadline, ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_FAILED = {"failed", "canceled", "cancelled"}
_DONE = {"succeeded", "completed", *_FAILED}
_INTERVAL = 10.0
"""Seconds between polls where the answer does not say when to come back."""


class OperationPoller:
    """Waits for what a request has begun."""

    def __init__(self, requests: HttpClient) -> None:
        self._requests = requests

    def written(self, answer: requests.Response, first: Values, path: str, query: dict[str, str]) -> Values:
        """The resource once a PUT or PATCH is over; a failed operation is an error with its poll's status."""
        state, link = _state(first), _link(answer, query)
        if state in ("succeeded", "failed") or (
            not state and not _named(answer) and answer.status_code != 202
        ):
            # An identity's 201 names a Location, but the plugin waits for no identity, container or role.
            return _judged(first, answer.status_code)
        if _named(answer):
            self._followed(link)
            return checked(self._requests.send("GET", path, query))
        if link:
            return self._followed(link)
        return self._body_polled(first, path, query)

    def deleted(self, answer: requests.Response, query: dict[str, str]) -> None:
        """Wait for a DELETE that was taken on; a resource that is gone meanwhile is good."""
        link = _link(answer, query)
        if not link:
            raise ProviderError("response is missing polling URL")
        self._followed(link)

    def _body_polled(self, body: Values, path: str, query: dict[str, str]) -> Values:
        """A resource that polls by itself, as a vault does while its name is registered."""
        deadline = Deadline()
        while _state(body) not in _DONE and _state(body):
            answer = self._requests.send("GET", path, query)
            body = checked(answer)
            if _state(body) not in _DONE:
                deadline.check()
                pause(_interval(answer))
        return _judged(body, 200)

    def _followed(self, link: str) -> Values:
        deadline = Deadline()
        while True:
            poll = self._requests.follow("GET", link)
            if poll.status_code == 404:
                return {}
            body = checked(poll, 200, 202, 204)
            status = str(body.get("status") or "").lower()
            if status in _FAILED:
                raise ResponseError(poll.status_code, poll.text)
            if status in _DONE or (poll.status_code != 202 and not status):
                return body
            deadline.check()
            pause(_interval(poll))


def _named(answer: requests.Response) -> str:
    """A link to an operation of its own, after which the resource is read."""
    return answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Operation-Location") or ""


def _link(answer: requests.Response, query: dict[str, str]) -> str:
    """The operation's link, or the place of the result; the latter alone may be relative."""
    if named := _named(answer):
        if not urlsplit(named).scheme:
            raise ProviderError(f"invalid polling URL {named}")
        return named
    place = answer.headers.get("Location", "")
    if not place or urlsplit(place).scheme:
        return place
    whole = urljoin(answer.url, place)
    mark = "&" if urlsplit(whole).query else "?"
    return whole if "api-version=" in whole else f"{whole}{mark}api-version={query['api-version']}"


def _judged(body: Values, status: int) -> Values:
    if _state(body) in _FAILED:
        raise ResponseError(status, json.dumps(body))
    return body


def _state(body: Values) -> str:
    inner = body.get("properties")
    return str((inner or {}).get("provisioningState") or "").lower() if isinstance(inner, dict) else ""


def _interval(answer: requests.Response) -> float:
    """Seconds until the next poll; `Retry-After: 0` is ignored, as azcore ignores it."""
    if milliseconds := answer.headers.get("Retry-After-Ms"):
        return int(milliseconds) / 1000
    seconds = float(answer.headers.get("Retry-After") or 0)
    return seconds if seconds > 0 else _INTERVAL
