"""A client of Azure Resource Manager that behaves as azure-native's: tokens, requests, waiting."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import requests

from sandbox.engine.provider import ProviderError
from sandbox.engine.values import Values

_DONE = {"succeeded", "completed", "failed", "canceled", "cancelled"}
_INTERVAL = 10.0
"""Seconds between polls where the answer does not say when to come back."""

_RETRIES = (0.2, 0.6, 1.2)
"""Seconds before each new try: a hundredth of the plugin's 20, 60 and 120, so that tests can wait."""

_LONGEST_RETRY = 120
_LIMIT = 2 * 3600.0
_LISTING = "2020-06-01"


class RequestError(ProviderError):
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


class ArmClient:
    """Signs in with the machine's identity and speaks to the cloud that the configuration names."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = config
        self._local = threading.local()
        self._lock = threading.Lock()
        self._metadata: Values | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    @property
    def subscription(self) -> str:
        """From the configuration, always."""
        found = self._config.get("subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID")
        if not found:
            raise ProviderError(
                "A Subscription ID must be configured when authenticating with a managed identity"
            )
        return found

    @property
    def metadata(self) -> Values:
        """The cloud's metadata document.

        The plugin reads the one document of `metadataHost`. With two clouds on one machine the environment
        can name one host only, so here `environment` chooses by name from the list that the host answers.
        """
        with self._lock:
            self._metadata = self._metadata or self._read_metadata()
            return self._metadata

    def get(self, path: str, version: str) -> Values | None:
        """A resource, or None where there is none."""
        answer = self._send("GET", path, version)
        if answer.status_code in (404, 204) or (answer.ok and not answer.content):
            return None
        return self._checked(answer)

    def put(self, path: str, version: str, body: Values, method: str = "PUT") -> Values:
        """Create or replace (or PATCH), and wait until the operation is over."""
        answer = self._send(method, path, version, body)
        try:
            first = self._checked(answer, 200, 201, 202)
        except RequestError as error:
            error.refused = True
            raise
        return self._wait(answer, first, path, version)

    def require(self, path: str, version: str) -> Values:
        """A resource that has to be there."""
        return self._checked(self._send("GET", path, version), 200)

    def post(self, path: str, version: str, body: Values | None = None) -> Values:
        """An action that answers at once."""
        return self._checked(self._send("POST", path, version, body), 200, 201)

    def delete(self, path: str, version: str) -> None:
        """Remove and wait; what is gone already is good."""
        answer = self._send("DELETE", path, version)
        if answer.status_code == 404:
            return
        self._checked(answer, 200, 202, 204)
        if answer.status_code == 202:
            self._follow(answer, answer.headers.get("Location", ""))

    def data_plane(self, method: str, url: str) -> int:
        """A call on a vault itself; the answer is the status."""
        token = self.token(self.metadata["vaultAudience"])
        answer = self._session().request(
            method, url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        return answer.status_code

    def token(self, resource: str) -> str:
        """A token from the machine's managed identity endpoint, kept until shortly before its end."""
        with self._lock:
            kept = self._tokens.get(resource)
            if not kept or kept[1] < time.time() + 300:
                kept = self._tokens[resource] = self._fetch_token(resource)
            return kept[0]

    def claims(self) -> Values:
        """What the token for the management endpoint says of its bearer."""
        middle = self.token(self.metadata["authentication"]["audiences"][0]).split(".")[1]
        claims: Values = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return claims

    def _fetch_token(self, resource: str) -> tuple[str, float]:
        endpoint, header = os.environ.get("IDENTITY_ENDPOINT"), os.environ.get("IDENTITY_HEADER", "")
        if not endpoint:
            raise ProviderError(_NOT_RUNNING)
        query = {"api-version": "2019-08-01", "resource": resource}
        if client := self._config.get("clientId") or os.environ.get("ARM_CLIENT_ID"):
            query["client_id"] = client  # a user-assigned identity
        try:
            headers = {"X-IDENTITY-HEADER": header}
            answer = self._session().get(endpoint, params=query, headers=headers, timeout=30)
        except requests.RequestException as error:
            raise ProviderError(_NOT_RUNNING) from error
        if not answer.ok:
            raise ProviderError(
                f"The sandbox's identity endpoint refused a token: {answer.text}. {_NOT_RUNNING}"
            )
        body = answer.json()
        return body["access_token"], float(body["expires_on"])

    def _read_metadata(self) -> Values:
        host = self._config.get("metadataHost") or os.environ.get("ARM_METADATA_HOSTNAME", "")
        wanted = self._config.get("environment") or os.environ.get("ARM_ENVIRONMENT", "")
        if not host:
            raise ProviderError(_NOT_RUNNING)
        base = host if "://" in host else f"https://{host}"
        try:
            url = f"{base}/metadata/endpoints"
            listed = self._session().get(url, params={"api-version": _LISTING}, timeout=30).json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderError(f"{_NOT_RUNNING} (No cloud metadata at {base}.)") from error
        found = [each for each in listed if not wanted or each["name"].lower() == wanted.lower()]
        if not found:
            names = ", ".join(each["name"] for each in listed)
            raise ProviderError(f"azure-native:environment is {wanted!r}; {base} knows {names}.")
        document: Values = found[0]
        return document

    def _wait(self, answer: requests.Response, first: Values, path: str, version: str) -> Values:
        """As azcore polls: Azure-AsyncOperation, then Location, then the body's own provisioningState."""
        link = answer.headers.get("Azure-AsyncOperation")
        state = _state(first)
        if state in ("succeeded", "failed") or (not state and not link and answer.status_code != 202):
            # An identity's 201 names a Location, but the plugin waits for no identity, container or role.
            return self._judged(first, answer.status_code)
        if link:
            self._follow(answer, link)
            return self._checked(self._send("GET", path, version))
        if answer.headers.get("Location"):
            return self._follow(answer, answer.headers["Location"])
        return self._poll_body(first, path, version)

    def _poll_body(self, body: Values, path: str, version: str) -> Values:
        """A resource that polls by itself, as a vault does while its name is registered."""
        end = time.monotonic() + _LIMIT
        while _state(body) not in _DONE and _state(body):
            if time.monotonic() > end:
                raise ProviderError("operation timed out")
            answer = self._send("GET", path, version)
            body = self._checked(answer)
            if _state(body) not in _DONE:
                time.sleep(_pause(answer))
        return self._judged(body, 200)

    def _follow(self, answer: requests.Response, link: str) -> Values:
        """Follow an operation's link to its end; a failed one is an error with the poll's status."""
        if not link:
            raise ProviderError("response is missing polling URL")
        url, end = urljoin(answer.url, link), time.monotonic() + _LIMIT
        while time.monotonic() < end:
            poll = self._session().get(url, headers=self._headers(), timeout=60)
            if poll.status_code == 404:
                return {}
            body = self._checked(poll, 200, 202, 204)
            status = str(body.get("status") or "").lower()
            if status in ("failed", "canceled", "cancelled"):
                raise RequestError(poll.status_code, poll.text)
            if status in _DONE or (poll.status_code != 202 and not status):
                return body
            time.sleep(_pause(poll))
        raise ProviderError("operation timed out")

    def _judged(self, body: Values, status: int) -> Values:
        if _state(body) in ("failed", "canceled", "cancelled"):
            raise RequestError(status, json.dumps(body))
        return body

    def _send(self, method: str, path: str, version: str, body: Values | None = None) -> requests.Response:
        """One request, tried again as azcore does where the cloud is busy, broken or out of reach."""
        url = self.metadata["resourceManager"].rstrip("/") + path
        for pause in (*_RETRIES, None):
            try:
                answer = self._session().request(
                    method,
                    url,
                    params={"api-version": version},
                    json=body,
                    headers=self._headers(),
                    timeout=120,
                )
                if pause is None or not _passing(answer):
                    return answer
                pause = _asked_pause(answer, pause)
            except requests.RequestException as error:
                if pause is None:
                    raise ProviderError(
                        f"{_NOT_RUNNING} ({method} {path}: {type(error).__name__})"
                    ) from error
            time.sleep(pause)
        raise AssertionError("the last try answers or raises")

    def _headers(self) -> dict[str, str]:
        token = self.token(self.metadata["authentication"]["audiences"][0])
        agent = "pulumi-azure-native/3.29 (acr-transfer sandbox)"
        return {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": agent}

    def _session(self) -> requests.Session:
        """One session a thread; proxies of the environment are never between us and this machine."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
            self._local.session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        session: requests.Session = self._local.session
        return session

    @staticmethod
    def _checked(answer: requests.Response, *good: int) -> Values:
        if answer.status_code not in (good or (200, 201)):
            raise RequestError(answer.status_code, answer.text)
        body: Any = answer.json() if answer.content else {}
        return body if isinstance(body, dict) else {}


_NOT_RUNNING = (
    "The sandbox does not answer, or this shell does not know it. "
    'Start it with `.venv/bin/python -m sandbox up`, then: eval "$(.venv/bin/python -m sandbox env)"'
)


def _state(body: Values) -> str:
    inner = body.get("properties")
    return str((inner or {}).get("provisioningState") or "").lower() if isinstance(inner, dict) else ""


def _passing(answer: requests.Response) -> bool:
    """Whether the same request may fare better soon."""
    busy = answer.status_code == 409 and "AnotherOperationInProgress" in answer.text
    return busy or answer.status_code in (408, 429, 500, 502, 503, 504)


def _asked_pause(answer: requests.Response, otherwise: float) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() and 0 < int(asked) <= _LONGEST_RETRY else otherwise


def _pause(answer: requests.Response) -> float:
    """Seconds until the next poll; `Retry-After: 0` is ignored, as azcore ignores it."""
    if milliseconds := answer.headers.get("Retry-After-Ms"):
        return int(milliseconds) / 1000
    seconds = float(answer.headers.get("Retry-After") or 0)
    return seconds if seconds > 0 else _INTERVAL
