"""A client of Azure Resource Manager that behaves like azure-native's."""

from collections.abc import Mapping

from sandbox.pulumi_plugins.azure_native.authentication import Authentication
from sandbox.pulumi_plugins.azure_native.http_client import HttpClient, ResponseError, checked
from sandbox.pulumi_plugins.azure_native.polling import OperationPoller
from sandbox.pulumi_plugins.protocol.values import Values

_DELETED = frozenset(
    {
        "EntityNotFound",
        "LockNotFound",
        "NotFound",
        "ParentResourceNotFound",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "RoleAssignmentNotFound",
        "SubscriptionNotFound",
    }
)
"""The codes of a 404 that mean a deleted resource."""


class AzureClient(HttpClient):
    """Manages resources of the configured cloud and subscription."""

    def __init__(self, config: Mapping[str, str]) -> None:
        super().__init__(Authentication(config))
        self._poller = OperationPoller(self)

    @property
    def subscription(self) -> str:
        """The configured subscription ID."""
        return self.authentication.subscription

    def find(self, path: str, version: str) -> Values | None:
        """A resource, or None if it does not exist."""
        response = self.send("GET", path, _query(version))
        if response.status_code in (404, 204) or (response.ok and not response.content):
            return None
        return checked(response)

    def read(self, path: str, version: str) -> Values | None:
        """A resource for a refresh, or None if it was deleted.

        Since version 3.11 the plugin takes a 404 for a deletion only if it knows the code:
        https://github.com/pulumi/pulumi-azure-native/issues/4841
        """
        response = self.send("GET", path, _query(version))
        if response.status_code == 204 or (response.ok and not response.content):
            return None
        try:
            return checked(response)
        except ResponseError as error:
            if error.status == 404 and error.code in _DELETED:
                return None
            raise

    def get(self, path: str, version: str) -> Values:
        """A resource; raises ResponseError if it does not exist."""
        return checked(self.send("GET", path, _query(version)), 200)

    def put(self, path: str, version: str, body: Values, method: str = "PUT") -> Values:
        """Create or replace a resource (or PATCH it), and wait for the operation."""
        response = self.send(method, path, _query(version), body)
        try:
            first = checked(response, 200, 201, 202)
        except ResponseError as error:
            error.rejected = True
            raise
        return self._poller.wait_for_put(response, first, path, _query(version))

    def post(self, path: str, version: str) -> Values:
        """Call a synchronous action."""
        return checked(self.send("POST", path, _query(version)))

    def delete(self, path: str, version: str) -> None:
        """Delete a resource and wait for the operation; a missing resource is not an error."""
        response = self.send("DELETE", path, _query(version))
        if response.status_code == 404:
            return
        checked(response, 200, 202, 204)
        if response.status_code == 202:
            self._poller.wait_for_delete(response)


def _query(version: str) -> dict[str, str]:
    return {"api-version": version}
