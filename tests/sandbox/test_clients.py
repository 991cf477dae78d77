"""Azure's own clients, unchanged and with TLS verification, on both clouds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from sandbox.cloud.definitions import CLOUDS
from sandbox.registry.content import Content
from tests.sandbox.here import GROUP, Here

PIPELINES = "2025-03-01-preview"
"""The newest version with pipelines in azure-mgmt-containerregistry 14.0.0."""


def signed_in(here: Here, **options: Any) -> ClientSecretCredential:
    """A credential of the operator with a client secret."""
    return ClientSecretCredential(
        options.get("tenant", here.status["tenant"]),
        here.status["clientId"],
        options.get("secret", here.status["clientSecret"]),
        authority=here.status["arm"],
        disable_instance_discovery=True,
        connection_verify=here.status["ca"],
    )


@pytest.fixture
def operator(here: Here) -> Iterator[TokenCredential]:
    with signed_in(here) as credential:
        yield credential


def client(here: Here, credential: TokenCredential, kind: type[Any], **options: Any) -> Any:
    """One of Azure's management clients with a credential."""
    return kind(
        credential,
        here.status["subscription"],
        base_url=here.status["arm"],
        credential_scopes=[f"{here.status['arm']}/.default"],
        connection_verify=here.status["ca"],
        **options,
    )


def test_a_wrong_secret_or_another_tenant_gets_no_token(here: Here) -> None:
    other = next(definition for definition in CLOUDS if definition is not here.definition)
    scope = f"{here.status['arm']}/.default"
    with signed_in(here, secret="wrong") as wrong, pytest.raises(ClientAuthenticationError) as refused:
        wrong.get_token(scope)
    assert "AADSTS7000215" in str(refused.value)
    with signed_in(here, tenant=other.tenant) as foreign, pytest.raises(ClientAuthenticationError):
        foreign.get_token(scope)


def test_groups_and_resources_by_the_resource_client(here: Here, operator: TokenCredential) -> None:
    resources, name = client(here, operator, ResourceManagementClient), f"group-{uuid.uuid4().hex[:8]}"
    made = resources.resource_groups.create_or_update(name, {"location": here.definition.location})
    assert made.properties.provisioning_state == "Succeeded"
    assert resources.resource_groups.check_existence(name)
    assert resources.resource_groups.update(name, {"tags": {"a": "b"}}).tags == {"a": "b"}
    inside = {"location": here.definition.location, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    account = f"generic{uuid.uuid4().hex[:12]}"
    parts = ("Microsoft.Storage", "", "storageAccounts", account)
    resources.resources.begin_create_or_update(name, *parts, inside, api_version="2024-01-01").result()
    assert [each.name for each in resources.resources.list_by_resource_group(name)] == [account]
    kinds = resources.providers.get("Microsoft.ContainerRegistry").resource_types
    assert "registries/exportPipelines" in {each.resource_type for each in kinds}
    resources.resource_groups.begin_delete(name).result()
    assert not resources.resource_groups.check_existence(name)


def test_keys_rules_and_containers_by_the_storage_client(here: Here, operator: TokenCredential) -> None:
    storage, name = client(here, operator, StorageManagementClient), f"client{uuid.uuid4().hex[:12]}"
    place: Any = {"location": here.definition.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    assert storage.storage_accounts.check_name_availability({"name": name}).name_available
    storage.storage_accounts.begin_create(GROUP, name, place).result()
    assert not storage.storage_accounts.check_name_availability({"name": name}).name_available
    changed = storage.storage_accounts.update(GROUP, name, {"properties": {"allowSharedKeyAccess": False}})
    assert (changed.allow_shared_key_access, changed.minimum_tls_version) == (False, "TLS1_2")
    storage.storage_accounts.update(GROUP, name, {"properties": {"allowSharedKeyAccess": True}})
    retention = {"deleteRetentionPolicy": {"enabled": True, "days": 7}}
    storage.blob_services.set_service_properties(GROUP, name, {"properties": retention})
    assert storage.blob_services.get_service_properties(GROUP, name).delete_retention_policy.days == 7
    rule = {"name": "old", "type": "Lifecycle", "definition": {"actions": {"baseBlob": {}}}}
    storage.management_policies.create_or_update(
        GROUP, name, "default", {"properties": {"policy": {"rules": [rule]}}}
    )
    assert storage.management_policies.get(GROUP, name, "default").policy.rules[0].name == "old"
    storage.blob_containers.create(GROUP, name, "transfer", {"properties": {"metadata": {"a": "b"}}})
    key = storage.storage_accounts.list_keys(GROUP, name)["keys"][0].value
    url = storage.storage_accounts.get_properties(GROUP, name).primary_endpoints.blob
    may = ContainerSasPermissions(read=True, write=True, list=True)
    sas = generate_container_sas(name, "transfer", key, permission=may, expiry="2099-01-01", protocol="https")
    with BlobServiceClient(url, credential=sas, connection_verify=here.status["ca"]) as blobs:
        blobs.get_blob_client("transfer", "one").upload_blob(b"1")
        assert [each.name for each in blobs.get_container_client("transfer").list_blobs()] == ["one"]
    with BlobServiceClient(url, credential=key, connection_verify=here.status["ca"]) as blobs:
        blobs.create_container("by-the-blob-client")
    shown = storage.blob_containers.get(GROUP, name, "by-the-blob-client")
    assert shown.etag
    assert {each.name for each in storage.blob_containers.list(GROUP, name)} == {
        "transfer",
        "by-the-blob-client",
    }
    storage.storage_accounts.delete(GROUP, name)


def test_secrets_by_the_vault_client_and_the_management_client(here: Here, operator: TokenCredential) -> None:
    vaults, name = client(here, operator, KeyVaultManagementClient), f"client-{uuid.uuid4().hex[:12]}"
    policy = {
        "tenantId": here.status["tenant"],
        "objectId": here.definition.operator,
        "permissions": {"secrets": ["all"]},
    }
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": here.status["tenant"], "sku": sku, "accessPolicies": [policy]}
    place = {"location": here.definition.location, "properties": properties}
    made = vaults.vaults.begin_create_or_update(GROUP, name, place).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert name in {each.name for each in vaults.vaults.list_by_subscription()}
    assert vaults.vaults.update(GROUP, name, {"tags": {"a": "b"}}).tags == {"a": "b"}
    url = made.properties.vault_uri
    with SecretClient(
        url, operator, verify_challenge_resource=False, connection_verify=here.status["ca"]
    ) as own:
        own.set_secret("sas", "first", content_type="text/plain", tags={"side": here.definition.side})
        second = own.set_secret("sas", "second")
        assert own.get_secret("sas").value == "second"
        assert len(list(own.list_properties_of_secret_versions("sas"))) == 2
        shown = vaults.secrets.get(GROUP, name, "sas").properties
        assert shown.secret_uri_with_version == second.id
        assert shown.value is None
        own.update_secret_properties("sas", enabled=False)
        with pytest.raises(Exception, match="disabled secret"):
            own.get_secret("sas")
        vaults.secrets.create_or_update(GROUP, name, "other", {"properties": {"value": "by ARM"}})
        assert own.get_secret("other").value == "by ARM"
        assert {each.name for each in own.list_properties_of_secrets()} == {"sas", "other"}
        own.begin_delete_secret("other").wait()
        with pytest.raises(ResourceNotFoundError):
            vaults.secrets.get(GROUP, name, "other")
        assert [each.name for each in own.list_deleted_secrets()] == ["other"]
        own.begin_recover_deleted_secret("other").wait()
        assert own.get_secret("other").value == "by ARM"
        own.begin_delete_secret("other").wait()
        own.purge_deleted_secret("other")
        with pytest.raises(ResourceNotFoundError):
            own.get_deleted_secret("other")
    vaults.vaults.delete(GROUP, name)
    assert name in {each.name for each in vaults.vaults.list_deleted()}
    vaults.vaults.begin_purge_deleted(name, here.definition.location).result()
    assert name not in {each.name for each in vaults.vaults.list_deleted()}


def test_roles_by_the_authorization_client(here: Here, operator: TokenCredential) -> None:
    roles, scope = client(here, operator, AuthorizationManagementClient), here.scope("nothing")
    group = scope.partition("/providers/")[0]
    reader = next(iter(roles.role_definitions.list(group, filter="roleName eq 'Reader'")))
    assert reader.permissions[0].actions == ["*/read"]
    identities = client(here, operator, ManagedServiceIdentityClient)
    place, name = {"location": here.definition.location}, f"reader-{uuid.uuid4().hex[:8]}"
    who = identities.user_assigned_identities.create_or_update(GROUP, name, place).principal_id
    given: Any = {
        "properties": {
            "roleDefinitionId": reader.id, "principalId": who, "principalType": "ServicePrincipal"
        }
    }  # fmt: skip
    made = roles.role_assignments.create(group, str(uuid.uuid4()), given)
    assert roles.role_assignments.get_by_id(made.id).principal_id == who
    roles.role_assignments.delete_by_id(made.id)


def test_an_import_pipeline_by_the_registry_client(here: Here, operator: TokenCredential) -> None:
    registries = client(here, operator, ContainerRegistryManagementClient, api_version=PIPELINES)
    secret = "https://localhost:9/secrets/sas"
    source = {
        "type": "AzureStorageBlobContainer",
        "uri": "https://localhost/none/none",
        "keyVaultUri": secret,
    }
    pipeline: Any = {"identity": {"type": "SystemAssigned"}, "properties": {"source": source}}
    name = f"client{uuid.uuid4().hex[:8]}"
    at = (GROUP, here.definition.registry)
    made = registries.import_pipelines.begin_create(*at, name, pipeline).result()
    assert (made.provisioning_state, made.trigger.source_trigger.status) == ("Succeeded", "Enabled")
    pipeline["properties"]["trigger"] = {"sourceTrigger": {"status": "Disabled"}}
    registries.import_pipelines.begin_create(*at, name, pipeline).result()
    found = {each.name: each for each in registries.import_pipelines.list(*at)}[name]
    assert found.trigger.source_trigger.status == "Disabled"
    assert found.source.key_vault_uri == secret
    registries.import_pipelines.begin_delete(*at, name).result()
    assert name not in {each.name for each in registries.import_pipelines.list(*at)}


def test_pipelines_and_runs_by_the_registry_client(here: Here, operator: TokenCredential) -> None:
    registries = client(here, operator, ContainerRegistryManagementClient, api_version=PIPELINES)
    registry = registries.registries.get(GROUP, here.definition.registry)
    assert registry.sku.tier == "Premium"
    assert not registries.registries.check_name_availability(
        {"name": registry.name, "type": "Microsoft.ContainerRegistry/registries"}
    ).name_available
    updated = registries.registries.begin_update(GROUP, registry.name, {"tags": {"by": "client"}}).result()
    assert (updated.tags, updated.policies.export_policy.status) == ({"by": "client"}, "enabled")
    target = {"type": "AzureStorageBlobContainer", "uri": "https://localhost/none/none",
              "keyVaultUri": "https://localhost:9/secrets/sas"}  # fmt: skip
    pipeline: Any = {
        "location": here.definition.location, "identity": {"type": "SystemAssigned"},
        "properties": {"target": target, "options": ["OverwriteBlobs"]},
    }  # fmt: skip
    name = f"client{uuid.uuid4().hex[:8]}"
    made = registries.export_pipelines.begin_create(GROUP, registry.name, name, pipeline).result()
    assert made.provisioning_state == "Succeeded"
    assert name in {each.name for each in registries.export_pipelines.list(GROUP, registry.name)}
    request = {"pipelineResourceId": made.id, "artifacts": ["none/none:1"],
               "target": {"type": "AzureStorageBlob", "name": "blob"}}  # fmt: skip
    run: Any = {"properties": {"request": request, "forceUpdateTag": "1"}}
    with pytest.raises(Exception, match="none/none:1"):
        registries.pipeline_runs.begin_create(GROUP, registry.name, name, run).result()
    failed = registries.pipeline_runs.get(GROUP, registry.name, name)
    assert (failed.provisioning_state, failed.response.status) == ("Failed", "Failed")
    registries.pipeline_runs.begin_delete(GROUP, registry.name, name).result()
    registries.export_pipelines.begin_delete(GROUP, registry.name, name).result()
    endpoint = f"https://{registry.login_server}"
    with ContainerRegistryClient(
        endpoint,
        operator,
        audience="https://containerregistry.azure.net",
        connection_verify=here.status["ca"],
    ) as images:
        listed = list(images.list_repository_names())
    kept = here.paths.state / here.definition.side / "registries" / registry.name / "images"
    assert listed == Content(kept).repositories()
    # Other tests fill the target; only the source is filled for all of them.
    assert here.definition.side == "target" or "shop/web" in listed
