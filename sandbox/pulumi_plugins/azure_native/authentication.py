"""The configured cloud, and tokens for it from the machine's managed identity endpoint."""

import base64
import json
import os
import threading
import time
from collections.abc import Mapping
from functools import cached_property

import requests

from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values

NOT_RUNNING = (
    "The sandbox does not respond, or its environment is not set in this shell. "
    'Start it with `.venv/bin/python -m sandbox up`, then: eval "$(.venv/bin/python -m sandbox env)"'
)
_LIST_VERSION = "2020-06-01"
"""The API version in which the metadata endpoint lists all clouds."""


class _ThreadSession(threading.local):
    """One HTTP session per thread, without the environment's proxies."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True


SESSION = _ThreadSession()


class Authentication:
    """The cloud's metadata document, and tokens of the configured identity."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    @property
    def subscription(self) -> str:
        """The configured subscription ID; raises ProviderError without one."""
        found = self._config.get("subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID")
        if not found:
            raise ProviderError(
                "A Subscription ID must be configured when authenticating with a managed identity"
            )
        return found

    @cached_property
    def metadata(self) -> Values:
        """The cloud's metadata document.

        The plugin reads the single document of `metadataHost`. The environment can name only one host for the
        two clouds of a sandbox, so `environment` selects one by name from the list that the host returns.
        """
        host = self._config.get("metadataHost") or os.environ.get("ARM_METADATA_HOSTNAME", "")
        wanted = self._config.get("environment") or os.environ.get("ARM_ENVIRONMENT", "")
        if not host:
            raise ProviderError(NOT_RUNNING)
        base = host if "://" in host else f"https://{host}"
        query = {"api-version": _LIST_VERSION}
        try:
            url = f"{base}/metadata/endpoints"
            documents: list[Values] = SESSION.http.get(url, params=query, timeout=30).json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderError(f"{NOT_RUNNING} ({base} returned no cloud metadata.)") from error
        for document in documents:
            if not wanted or document["name"].lower() == wanted.lower():
                return document
        names = ", ".join(document["name"] for document in documents)
        raise ProviderError(f"azure-native:environment is {wanted!r}; expected one of: {names}.")

    @property
    def audience(self) -> str:
        """The audience of tokens for management requests."""
        found: str = self.metadata["authentication"]["audiences"][0]
        return found

    def token(self, resource: str) -> str:
        """A token, cached until shortly before its expiry."""
        with self._lock:
            cached = self._tokens.get(resource)
            if not cached or cached[1] < time.time() + 300:
                cached = self._tokens[resource] = self._fetch_token(resource)
            return cached[0]

    def claims(self) -> Values:
        """The claims of the management token."""
        payload = self.token(self.audience).split(".")[1]
        claims: Values = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _fetch_token(self, resource: str) -> tuple[str, float]:
        # As in the plugin, a client secret comes before a managed identity.
        if self._setting("clientSecret", "ARM_CLIENT_SECRET"):
            return self._fetch_by_secret(resource)
        endpoint, header = os.environ.get("IDENTITY_ENDPOINT"), os.environ.get("IDENTITY_HEADER", "")
        if not endpoint:
            raise ProviderError(NOT_RUNNING)
        query = {"api-version": "2019-08-01", "resource": resource}
        if client := self._setting("clientId", "ARM_CLIENT_ID"):
            query["client_id"] = client  # a user-assigned identity
        try:
            headers = {"X-IDENTITY-HEADER": header}
            response = SESSION.http.get(endpoint, params=query, headers=headers, timeout=30)
        except requests.RequestException as error:
            raise ProviderError(NOT_RUNNING) from error
        if not response.ok:
            message = f"The sandbox's identity endpoint refused a token: {response.text}. {NOT_RUNNING}"
            raise ProviderError(message)
        body = response.json()
        return body["access_token"], float(body["expires_on"])

    def _fetch_by_secret(self, resource: str) -> tuple[str, float]:
        """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
        tenant = self._setting("tenantId", "ARM_TENANT_ID")
        authority = self.metadata["authentication"]["loginEndpoint"].rstrip("/")
        form = {
            "grant_type": "client_credentials",
            "client_id": self._setting("clientId", "ARM_CLIENT_ID"),
            "client_secret": self._setting("clientSecret", "ARM_CLIENT_SECRET"),
            "scope": f"{resource.rstrip('/')}/.default",
        }
        response = SESSION.http.post(f"{authority}/{tenant}/oauth2/v2.0/token", data=form, timeout=30)
        body = response.json()
        if not response.ok:
            raise ProviderError(str(body.get("error_description") or "the sign-in was refused"))
        return body["access_token"], time.time() + float(body["expires_in"])

    def _setting(self, key: str, variable: str) -> str:
        """A setting of the provider: its configuration, else an environment variable."""
        return self._config.get(key) or os.environ.get(variable, "")
