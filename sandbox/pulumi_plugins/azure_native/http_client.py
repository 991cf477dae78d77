"""Single requests as the plugin sends them: signed, tried again where a service is busy, judged by status."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import requests

from sandbox.pulumi_plugins.azure_native.authentication import NOT_RUNNING, Authentication, ThreadSessions
from sandbox.pulumi_plugins.protocol.call_context import ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_RETRIES = (0.2, 0.6, 1.2)
"""Seconds before each new try: a hundredth of the plugin's 20, 60 and 120, so that tests can wait."""

_LONGEST_RETRY = 120
_AGENT = "pulumi-azure-native/3.29 (acr-transfer sandbox)"


class ResponseError(ProviderError):
    """An answer that is no success, in the plugin's words; no request ID is in it."""

    refused = False
    """Whether the request itself was refused, so that nothing was made; else an operation failed later."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        try:
            error = json.loads(body)["error"]
            message = f'Status={status} Code="{error["code"]}" Message="{error["message"]}"'
        except (ValueError, KeyError, TypeError):
            message = f'Status={status} Message="{body}"'
        super().__init__(message)


class HttpClient:
    """Sends to the management endpoint, and to vaults."""

    def __init__(self, sign_in: Authentication, sessions: ThreadSessions) -> None:
        self._sign_in, self._sessions = sign_in, sessions

    def send(
        self, method: str, path: str, query: dict[str, str], body: Values | None = None
    ) -> requests.Response:
        """One request on the management endpoint, below its address."""
        base = str(self._sign_in.metadata["resourceManager"]).rstrip("/")
        return self.follow(method, base + path, query, body)

    def follow(
        self, method: str, url: str, query: dict[str, str] | None = None, body: Values | None = None
    ) -> requests.Response:
        """The same at any address of the cloud, such as an operation's link."""
        headers = {"Authorization": f"Bearer {self._sign_in.token(self._sign_in.audience)}"}
        return self._tried(method, url, query, body, headers)

    def vault(self, method: str, url: str) -> int:
        """A call on a vault itself; the answer is the status.

        The first try is unsigned: the vault says in its challenge what a token must be for.
        """
        challenge = self._tried(method, url, None, None, {})
        found = re.search(r'resource="([^"]+)"', challenge.headers.get("WWW-Authenticate", ""))
        if challenge.status_code != 401 or not found:
            return challenge.status_code
        headers = {"Authorization": f"Bearer {self._sign_in.token(found[1])}"}
        return self._tried(method, url, None, None, headers).status_code

    def _tried(
        self,
        method: str,
        url: str,
        query: dict[str, str] | None,
        body: Values | None,
        headers: dict[str, str],
    ) -> requests.Response:
        """As azcore tries again where the cloud is busy, broken or out of reach."""
        sent = {"Accept": "application/json", "User-Agent": _agent(), **headers}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        for seconds in (*_RETRIES, None):
            try:
                answer = self._sessions.mine.request(
                    method, url, params=query, data=data, headers=sent, timeout=120
                )
                if seconds is None or not _passing(answer):
                    return answer
                pause(_asked(answer, seconds))
            except requests.RequestException as error:
                if seconds is None:
                    place = url.partition("?")[0]
                    raise ProviderError(
                        f"{NOT_RUNNING} ({method} {place}: {type(error).__name__})"
                    ) from error
                pause(seconds)
        raise AssertionError("the last try answers or raises")


def checked(answer: requests.Response, *good: int) -> Values:
    """The body of an answer with one of these statuses (200 and 201, where none is said); else its error."""
    if answer.status_code not in (good or (200, 201)):
        raise ResponseError(answer.status_code, answer.text)
    body: Any = answer.json() if answer.content else {}
    return body if isinstance(body, dict) else {}


def _agent() -> str:
    more = os.environ.get("AZURE_HTTP_USER_AGENT", "")
    return f"{_AGENT} {more}".strip()


def _passing(answer: requests.Response) -> bool:
    """Whether the same request may fare better soon."""
    busy = answer.status_code == 409 and "AnotherOperationInProgress" in answer.text
    return busy or answer.status_code in (408, 429, 500, 502, 503, 504)


def _asked(answer: requests.Response, otherwise: float) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() and 0 < int(asked) <= _LONGEST_RETRY else otherwise
