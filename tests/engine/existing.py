"""Resources that exist before a deployment, created with the management clients of the Azure CLI."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AccessToken
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from sandbox import status
from sandbox.arm.roles import SECRETS_OFFICER
from sandbox.cloud.definitions import CloudDefinition
from sandbox.cloud.paths import Paths


def token_by_hand() -> str:
    """A vault's text in place of a SAS token: as secret as any other."""
    return f"?sv=2025-01-05&sr=c&sig={secrets.token_hex(16)}"


class Bearer:
    """A credential that holds one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token, for any scope."""
        return AccessToken(self._token, 4_000_000_000)


@dataclass(frozen=True)
class Existing:
    """One resource group in one cloud, filled by hand."""

    definition: CloudDefinition
    group: str
    settings: dict[str, Any]

    @classmethod
    def of(cls, paths: Paths, definition: CloudDefinition, group: str) -> Existing:
        """A new resource group."""
        found = status.status(paths)["clouds"][definition.side]
        settings = {
            "credential": Bearer(found["token"]),
            "subscription_id": found["subscription"],
            "base_url": found["arm"],
            "credential_scopes": [f"{found['arm']}/.default"],
            "connection_verify": found["ca"],
            "polling_interval": 0,
        }
        created = cls(definition, group, settings)
        client = created._client(ResourceManagementClient)
        client.resource_groups.create_or_update(group, {"location": definition.location})
        return created

    def account(self, name: str, container: str = "") -> str:
        """A storage account, with a container if one is named; its resource ID."""
        client = self._client(StorageManagementClient, api_version="2024-01-01")
        body = {"location": self.definition.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        created = client.storage_accounts.begin_create(self.group, name, body).result()
        if container:
            client.blob_containers.create(self.group, name, container, {})
        return str(created.id)

    def vault(self, name: str, *, rbac: bool = False) -> str:
        """A key vault; its resource ID."""
        properties = {
            "tenantId": self.definition.tenant,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": rbac,
            "accessPolicies": [],
        }
        body = {"location": self.definition.location, "properties": properties}
        created = self._client(
            KeyVaultManagementClient, api_version="2024-11-01"
        ).vaults.begin_create_or_update(self.group, name, body)
        return str(created.result().id)

    def secret(self, vault: str, name: str, value: str) -> str:
        """A secret; its resource ID."""
        client = self._client(KeyVaultManagementClient, api_version="2024-11-01")
        created = client.secrets.create_or_update(self.group, vault, name, {"properties": {"value": value}})
        return str(created.id)

    def policy(self, vault: str, principal: str, *rights: str) -> str:
        """Rights on secrets, by default to get them; the ID by which Pulumi knows it."""
        permissions = {"secrets": list(rights or ("get",))}
        entry = {"tenantId": self.definition.tenant, "objectId": principal, "permissions": permissions}
        body = {"properties": {"accessPolicies": [entry]}}
        client = self._client(KeyVaultManagementClient, api_version="2024-11-01")
        client.vaults.update_access_policy(self.group, vault, "add", body)
        return f"{client.vaults.get(self.group, vault).id}/accessPolicy/{principal}"

    def identity(self, name: str) -> str:
        """A user-assigned identity; its resource ID."""
        client = self._client(ManagedServiceIdentityClient, api_version="2024-11-30")
        body = {"location": self.definition.location}
        return str(client.user_assigned_identities.create_or_update(self.group, name, body).id)

    def officer(self, vault_id: str) -> None:
        """Let the deployer delete secrets of an RBAC vault, as docs/adopt.md requires."""
        self.role(vault_id, SECRETS_OFFICER, self.definition.operator)

    def role(self, scope: str, role: str, principal: str) -> str:
        """A role at one resource; the assignment's ID."""
        client = self._client(AuthorizationManagementClient, api_version="2022-04-01")
        definitions = (
            f"/subscriptions/{self.definition.subscription}/providers/Microsoft.Authorization/roleDefinitions"
        )
        given = {"roleDefinitionId": f"{definitions}/{role}", "principalId": principal}
        body = {"properties": {**given, "principalType": "ServicePrincipal"}}
        return str(client.role_assignments.create(scope, str(uuid.uuid4()), body).id)

    def delete_pipeline(self, name: str) -> None:
        """Delete an export pipeline of the cloud's registry by hand, and before it its runs."""
        client = self._client(ContainerRegistryManagementClient, api_version="2023-01-01-preview")
        registry = self.definition.registry_group, self.definition.registry
        pipeline = client.export_pipelines.get(*registry, name).id.lower()
        for run in list(client.pipeline_runs.list(*registry)):
            if run.request.pipeline_resource_id.lower() == pipeline:
                client.pipeline_runs.begin_delete(*registry, run.name).result()
        client.export_pipelines.begin_delete(*registry, name).result()

    def export_pipeline(self, name: str, container_url: str, secret_uri: str) -> tuple[str, str]:
        """An export pipeline of the cloud's registry; its resource ID, and the principal of its identity."""
        from azure.mgmt.containerregistry.v2023_01_01_preview import models

        client = self._client(ContainerRegistryManagementClient, api_version="2023-01-01-preview")
        created = client.export_pipelines.begin_create(
            self.definition.registry_group,
            self.definition.registry,
            name,
            models.ExportPipeline(
                location=self.definition.location,
                identity=models.IdentityProperties(type="SystemAssigned"),
                target=models.ExportPipelineTargetProperties(
                    type="AzureStorageBlobContainer", uri=container_url, key_vault_uri=secret_uri
                ),
                options=["OverwriteBlobs"],
            ),
        ).result()
        return str(created.id), str(created.identity.principal_id)

    def runs_of(self, pipeline_id: str) -> list[str]:
        """The IDs of the runs of a pipeline in the cloud's registry."""
        client = self._client(ContainerRegistryManagementClient, api_version="2023-01-01-preview")
        listed = client.pipeline_runs.list(self.definition.registry_group, self.definition.registry)
        same = pipeline_id.lower()
        return [str(run.id) for run in listed if run.request.pipeline_resource_id.lower() == same]

    def delete(self, id: str, version: str) -> None:
        """Delete a resource by its ID."""
        client = self._client(ResourceManagementClient)
        client.resources.begin_delete_by_id(id, api_version=version).result()

    def close_account(self, name: str) -> None:
        """Close a storage account to all networks."""
        client = self._client(StorageManagementClient, api_version="2024-01-01")
        client.storage_accounts.update(self.group, name, {"properties": {"publicNetworkAccess": "Disabled"}})

    def roll(self, account: str, key: str) -> None:
        """Rotate one key of an account: its signatures are invalid from now on."""
        client = self._client(StorageManagementClient, api_version="2024-01-01")
        client.storage_accounts.regenerate_key(self.group, account, {"keyName": key})

    def _client(self, kind: Any, **more: Any) -> Any:
        return kind(**self.settings, **more)
