"""HTTP requests as the plugin sends them: authenticated, retried while a service is busy."""

import json
import re
from typing import Any

import requests

from sandbox.pulumi_plugins.azure_native.authentication import NOT_RUNNING, SESSION, Authentication
from sandbox.pulumi_plugins.protocol.call_context import ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_RETRY_DELAYS = (0.2, 0.6, 1.2)
"""Seconds before each retry: a hundredth of the plugin's 20, 60 and 120, which keeps tests short."""

_MAX_RETRY_AFTER = 120
_USER_AGENT = "pulumi-azure-native/3.29 (acr-transfer sandbox)"


class ResponseError(ProviderError):
    """An error response, in the plugin's format but without a request ID."""

    rejected = False
    """Whether the request was rejected, so nothing was created; otherwise an operation failed later."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body, self.code = status, body, ""
        try:
            error = json.loads(body)["error"]
            self.code = str(error["code"])
            message = f'Status={status} Code="{self.code}" Message="{error["message"]}"'
        except (ValueError, KeyError, TypeError):
            message = f'Status={status} Message="{body}"'
        super().__init__(message)


class HttpClient:
    """Sends requests to the management endpoint and to vaults."""

    def __init__(self, authentication: Authentication) -> None:
        self.authentication = authentication

    def send(
        self, method: str, path: str, query: dict[str, str], body: Values | None = None
    ) -> requests.Response:
        """Send a request to the management endpoint."""
        base = str(self.authentication.metadata["resourceManager"]).rstrip("/")
        return self.send_to(method, base + path, query, body)

    def send_to(
        self, method: str, url: str, query: dict[str, str] | None = None, body: Values | None = None
    ) -> requests.Response:
        """Send a management request to a full URL, such as an operation's status URL."""
        token = self.authentication.token(self.authentication.audience)
        return self._send(method, url, query, body, {"Authorization": f"Bearer {token}"})

    def send_to_vault(self, method: str, url: str) -> requests.Response:
        """Send a request to a vault's data plane.

        The first request has no token: the vault's challenge names the audience.
        """
        challenge = self._send(method, url, None, None, {})
        found = re.search(r'resource="([^"]+)"', challenge.headers.get("WWW-Authenticate", ""))
        if challenge.status_code != 401 or not found:
            return challenge
        headers = {"Authorization": f"Bearer {self.authentication.token(found[1])}"}
        return self._send(method, url, None, None, headers)

    def _send(
        self,
        method: str,
        url: str,
        query: dict[str, str] | None,
        body: Values | None,
        headers: dict[str, str],
    ) -> requests.Response:
        """Send a request with the retries of azcore."""
        sent = {"Accept": "application/json", "User-Agent": _USER_AGENT, **headers}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        for delay in (*_RETRY_DELAYS, None):
            try:
                response = SESSION.http.request(
                    method, url, params=query, data=data, headers=sent, timeout=120
                )
                if delay is None or not _is_transient(response):
                    return response
                pause(_retry_after(response, delay))
            except requests.RequestException as error:
                if delay is None:
                    request = f"{method} {url.partition('?')[0]}: {type(error).__name__}"
                    raise ProviderError(f"{NOT_RUNNING} ({request})") from error
                pause(delay)
        raise AssertionError("the last attempt returns or raises")


def checked(response: requests.Response, *expected: int) -> Values:
    """The body of a response; raises ResponseError unless its status is expected (by default 200 or 201)."""
    if response.status_code not in (expected or (200, 201)):
        raise ResponseError(response.status_code, response.text)
    body: Any = response.json() if response.content else {}
    return body if isinstance(body, dict) else {}


def _is_transient(response: requests.Response) -> bool:
    busy = response.status_code == 409 and "AnotherOperationInProgress" in response.text
    return busy or response.status_code in (408, 429, 500, 502, 503, 504)


def _retry_after(response: requests.Response, default: float) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() and 0 < int(value) <= _MAX_RETRY_AFTER else default
