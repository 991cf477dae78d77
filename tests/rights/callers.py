"""Callers without any role: service principals with their own secrets, in both tenants."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.mgmt.authorization import AuthorizationManagementClient
from azure.storage.blob import BlobClient, ContentSettings

from sandbox import status
from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, CloudDefinition
from sandbox.cloud.needed_rights import NeededRight
from sandbox.cloud.paths import Paths
from sandbox.entra import applications
from sandbox.storage.blobs import AUDIENCE
from tests.engine.existing import Bearer

SANDBOX = "acr-transfer-sandbox"
"""The principal of the sandbox itself, which has all rights on blobs."""


@contextmanager
def opened(definition: CloudDefinition, paths: Paths) -> Iterator[Cloud]:
    """The state of a running cloud."""
    cloud = Cloud(definition, paths)
    try:
        yield cloud
    finally:
        cloud.database.close()


@dataclass
class Caller:
    """One application with a service principal in both tenants."""

    paths: Paths
    client: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    principals: dict[str, str] = field(default_factory=dict)
    """Its object ID in each cloud, by side."""

    def __post_init__(self) -> None:
        for definition in CLOUDS:
            with opened(definition, self.paths) as cloud:
                self.principals[definition.side] = applications.add(cloud, self.client, self.secret)

    def environment(self, sandbox: dict[str, str]) -> dict[str, str]:
        """The environment of a shell in which Pulumi and the command sign in as this caller."""
        without = ("ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "DOCKER_CONFIG")
        kept = {name: value for name, value in sandbox.items() if name not in without}
        return {**kept, "ARM_CLIENT_ID": self.client, "ARM_CLIENT_SECRET": self.secret}

    def needed(self, side: str) -> list[NeededRight]:
        """The rights that its requests needed so far. Azurite reports with the next change of roles."""
        definition = next(each for each in CLOUDS if each.side == side)
        self.assign(side, f"/subscriptions/{definition.subscription}/resourceGroups/images", (), ())
        with opened(definition, self.paths) as cloud:
            return cloud.needed_rights.of(self.principals[side])

    def assign(self, side: str, scope: str, actions: Iterable[str], data_actions: Iterable[str]) -> None:
        """Create a custom role with exactly these actions, and assign it at a scope."""
        client, definition = role_client(self.paths, side)
        guid, subscription = str(uuid.uuid4()), f"/subscriptions/{definition.subscription}"
        permission = {"actions": [*actions], "dataActions": [*data_actions]}
        body = {"roleName": guid, "permissions": [permission], "assignableScopes": [subscription]}
        client.role_definitions.create_or_update(subscription, guid, {"properties": body})
        self.assign_role(side, scope, guid)

    def assign_role(self, side: str, scope: str, guid: str) -> None:
        """Assign a role at a scope."""
        client, definition = role_client(self.paths, side)
        role = f"/subscriptions/{definition.subscription}/providers/{roles.DEFINITIONS}/{guid}"
        properties = {"roleDefinitionId": role, "principalId": self.principals[side]}
        body = {"properties": {**properties, "principalType": "ServicePrincipal"}}
        client.role_assignments.create(scope, str(uuid.uuid4()), body)


def blob_client(paths: Paths, definition: CloudDefinition, url: str) -> BlobClient:
    """A client of a blob with all rights."""
    with opened(definition, paths) as cloud:
        token = cloud.tokens.issue(SANDBOX, AUDIENCE)
    trusted = str(paths.authority)
    return BlobClient.from_blob_url(url, Bearer(token), connection_verify=trusted, user_agent=SANDBOX)


def copy_blob(source: BlobClient, target: BlobClient) -> None:
    """Copy a blob as `hop` does, with its MD5 and metadata."""
    found = source.get_blob_properties()
    md5 = ContentSettings(content_md5=found.content_settings.content_md5)
    content = source.download_blob().readall()
    target.upload_blob(content, metadata=found.metadata, content_settings=md5, overwrite=True)


def role_client(paths: Paths, side: str) -> tuple[Any, CloudDefinition]:
    """Azure's client for roles, as the operator of a cloud."""
    found: dict[str, Any] = status.status(paths)["clouds"][side]
    definition = next(each for each in CLOUDS if each.side == side)
    client = AuthorizationManagementClient(
        Bearer(found["token"]),
        definition.subscription,
        api_version="2022-04-01",
        base_url=found["arm"],
        credential_scopes=[f"{found['arm']}/.default"],
        connection_verify=found["ca"],
    )
    return client, definition
