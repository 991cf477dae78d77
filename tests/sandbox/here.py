"""One cloud by Azure's own clients, for its administrator and for other principals."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CloudDefinition
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.storage import blobs

GROUP = "images"


@dataclass
class Here:
    """One cloud with its administrator's credential."""

    definition: CloudDefinition
    paths: Paths
    status: dict[str, Any]
    credential: ManagedIdentityCredential

    def client(self, kind: type[Any], **more: Any) -> Any:
        """One of Azure's management clients for this cloud."""
        scopes = [f"{self.status['arm']}/.default"]
        return kind(
            self.credential,
            self.definition.subscription,
            base_url=self.status["arm"],
            credential_scopes=scopes,
            connection_verify=self.status["ca"],
            **more,
        )

    def account(self, name: str = "", **properties: Any) -> str:
        """Create a storage account with a container `images`; returns its name, by default a new one."""
        storage = self.client(StorageManagementClient)
        name = name or f"rights{uuid.uuid4().hex[:12]}"
        body = {
            "location": self.definition.location,
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": properties,
        }
        storage.storage_accounts.begin_create(GROUP, name, body).result()
        storage.blob_containers.create(GROUP, name, "images", {})
        return name

    def container(self, account: str, credential: Any) -> ContainerClient:
        """A client of the account's container with a credential."""
        url = f"{self.status['accounts'].get(account, {}).get('blob') or self.blob_url(account)}images"
        return ContainerClient.from_container_url(
            url, credential=credential, connection_verify=self.status["ca"]
        )

    def blob_url(self, account: str) -> str:
        """The account's blob endpoint in ARM."""
        found = self.client(StorageManagementClient).storage_accounts.get_properties(GROUP, account)
        return str(found.primary_endpoints.blob)

    def scope(self, account: str, container: str = "") -> str:
        """The ID of an account or of its container."""
        base = f"/subscriptions/{self.definition.subscription}/resourceGroups/{GROUP}/providers"
        below = f"/blobServices/default/containers/{container}" if container else ""
        return f"{base}/Microsoft.Storage/storageAccounts/{account}{below}"


def sandbox_status() -> dict[str, Any]:
    """The output of `status --json` for both clouds."""
    command = [sys.executable, "-m", "sandbox", "status", "--json"]
    output = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(output)["clouds"]
    return found


def identity(here: Here) -> Any:
    """Create a user-assigned identity."""
    msi = here.client(ManagedServiceIdentityClient)
    name = f"identity-{uuid.uuid4().hex[:8]}"
    return msi.user_assigned_identities.create_or_update(GROUP, name, {"location": here.definition.location})


@contextmanager
def acting_as(here: Here, made: Any) -> Iterator[Here]:
    """The same cloud with the credential of a user-assigned identity."""
    with ManagedIdentityCredential(client_id=made.client_id) as credential:
        yield replace(here, credential=credential)


def assign(here: Here, scope: str, principal: str, role: str) -> Any:
    """Assign a role."""
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {
        "roleDefinitionId": definition,
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }
    client = here.client(AuthorizationManagementClient)
    return client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": properties})


def bearer(here: Here, principal: str) -> Bearer:
    """A token for blobs of a principal."""
    return Bearer(Cloud(here.definition, here.paths).tokens.issue(principal, blobs.AUDIENCE))


class Bearer:
    """A credential that holds one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> Any:
        return AccessToken(self._token, 4_000_000_000)


def refusal(work: Any) -> str:
    """The error code of storage or ARM; empty if the request succeeds."""
    try:
        work()
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or (error.error and error.error.code)
        return str(getattr(code, "value", code))
    return ""
