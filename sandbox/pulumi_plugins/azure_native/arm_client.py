"""A client of Azure Resource Manager that behaves as azure-native's."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.pulumi_plugins.azure_native.authentication import Authentication, ThreadSessions
from sandbox.pulumi_plugins.azure_native.http_client import HttpClient, ResponseError, checked
from sandbox.pulumi_plugins.azure_native.polling import OperationPoller
from sandbox.pulumi_plugins.protocol.values import Values


class ArmClient:
    """Reads, writes, removes and acts on resources of the cloud that the configuration names."""

    def __init__(self, config: Mapping[str, str]) -> None:
        sessions = ThreadSessions()
        self.sign_in = Authentication(config, sessions)
        self._requests = HttpClient(self.sign_in, sessions)
        self._operations = OperationPoller(self._requests)

    @property
    def subscription(self) -> str:
        """From the configuration, always."""
        return self.sign_in.subscription

    def get(self, path: str, version: str) -> Values | None:
        """A resource, or None where there is none."""
        answer = self._requests.send("GET", path, _query(version))
        if answer.status_code in (404, 204) or (answer.ok and not answer.content):
            return None
        return checked(answer)

    def put(self, path: str, version: str, body: Values, method: str = "PUT") -> Values:
        """Create or replace (or PATCH), and wait until the operation is over."""
        answer = self._requests.send(method, path, _query(version), body)
        try:
            first = checked(answer, 200, 201, 202)
        except ResponseError as error:
            error.refused = True
            raise
        return self._operations.written(answer, first, path, _query(version))

    def require(self, path: str, version: str) -> Values:
        """A resource that has to be there."""
        return checked(self._requests.send("GET", path, _query(version)), 200)

    def post(self, path: str, version: str, body: Values | None = None, **query: str) -> Values:
        """An action that answers at once."""
        return checked(self._requests.send("POST", path, {**_query(version), **query}, body), 200, 201)

    def delete(self, path: str, version: str) -> None:
        """Remove and wait; what is gone already is good."""
        answer = self._requests.send("DELETE", path, _query(version))
        if answer.status_code == 404:
            return
        checked(answer, 200, 202, 204)
        if answer.status_code == 202:
            self._operations.deleted(answer, _query(version))

    def on_vault(self, method: str, url: str) -> int:
        """A call on a vault itself; the answer is the status."""
        return self._requests.vault(method, url)


def _query(version: str) -> dict[str, str]:
    return {"api-version": version}
