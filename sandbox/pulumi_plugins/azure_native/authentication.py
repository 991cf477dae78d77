"""Which cloud the configuration names, and tokens for it from the machine's managed identity endpoint."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Mapping

import requests

from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values

NOT_RUNNING = (
    "The sandbox does not answer, or this shell does not know it. "
    'Start it with `.venv/bin/python -m sandbox up`, then: eval "$(.venv/bin/python -m sandbox env)"'
)
_LISTING = "2020-06-01"


class ThreadSessions:
    """One session a thread; proxies of the environment are never between us and this machine."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def mine(self) -> requests.Session:
        """This thread's."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
            self._local.session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        session: requests.Session = self._local.session
        return session


class Authentication:
    """The cloud's metadata document, and tokens as the identity that the configuration names."""

    def __init__(self, config: Mapping[str, str], sessions: ThreadSessions) -> None:
        self._config, self._sessions = config, sessions
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

    @property
    def audience(self) -> str:
        """What tokens for management requests are for."""
        found: str = self.metadata["authentication"]["audiences"][0]
        return found

    def token(self, resource: str) -> str:
        """A token, kept until shortly before its end."""
        with self._lock:
            kept = self._tokens.get(resource)
            if not kept or kept[1] < time.time() + 300:
                kept = self._tokens[resource] = self._fetch_token(resource)
            return kept[0]

    def claims(self) -> Values:
        """What the token for the management endpoint says of its bearer."""
        middle = self.token(self.audience).split(".")[1]
        claims: Values = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return claims

    def _fetch_token(self, resource: str) -> tuple[str, float]:
        endpoint, header = os.environ.get("IDENTITY_ENDPOINT"), os.environ.get("IDENTITY_HEADER", "")
        if not endpoint:
            raise ProviderError(NOT_RUNNING)
        query = {"api-version": "2019-08-01", "resource": resource}
        if client := self._config.get("clientId") or os.environ.get("ARM_CLIENT_ID"):
            query["client_id"] = client  # a user-assigned identity
        try:
            headers = {"X-IDENTITY-HEADER": header}
            answer = self._sessions.mine.get(endpoint, params=query, headers=headers, timeout=30)
        except requests.RequestException as error:
            raise ProviderError(NOT_RUNNING) from error
        if not answer.ok:
            raise ProviderError(
                f"The sandbox's identity endpoint refused a token: {answer.text}. {NOT_RUNNING}"
            )
        body = answer.json()
        return body["access_token"], float(body["expires_on"])

    def _read_metadata(self) -> Values:
        host = self._config.get("metadataHost") or os.environ.get("ARM_METADATA_HOSTNAME", "")
        wanted = self._config.get("environment") or os.environ.get("ARM_ENVIRONMENT", "")
        if not host:
            raise ProviderError(NOT_RUNNING)
        base = host if "://" in host else f"https://{host}"
        try:
            url = f"{base}/metadata/endpoints"
            listed = self._sessions.mine.get(url, params={"api-version": _LISTING}, timeout=30).json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderError(f"{NOT_RUNNING} (No cloud metadata at {base}.)") from error
        found = [each for each in listed if not wanted or each["name"].lower() == wanted.lower()]
        if not found:
            names = ", ".join(each["name"] for each in listed)
            raise ProviderError(f"azure-native:environment is {wanted!r}; {base} knows {names}.")
        document: Values = found[0]
        return document
