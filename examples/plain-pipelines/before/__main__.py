"""An export pipeline, written from Microsoft's tutorial."""

from datetime import UTC, datetime

import pulumi
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pulumi import Output
from pulumi_azure_native import authorization, containerregistry, keyvault, resources, storage

config = pulumi.Config()
tenant = authorization.get_client_config_output().tenant_id

group = resources.ResourceGroup("plain", resource_group_name="plain-before")
account = storage.StorageAccount(
    "plain",
    resource_group_name=group.name,
    kind=storage.Kind.STORAGE_V2,
    sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
)
container = storage.BlobContainer(
    "transfer",
    resource_group_name=group.name,
    account_name=account.name,
    public_access=storage.PublicAccess.BLOB,
)
keys = storage.list_storage_account_keys_output(
    resource_group_name=group.name, account_name=account.name
).keys
token = Output.all(account.name, container.name, keys[0].value).apply(
    lambda known: generate_container_sas(
        account_name=known[0],
        container_name=known[1],
        account_key=known[2],
        permission=ContainerSasPermissions(
            read=True, add=True, create=True, write=True, delete=True, list=True
        ),
        expiry=datetime(2099, 12, 31, tzinfo=UTC),
        protocol="https",
    )
)

vault = keyvault.Vault(
    "plain",
    resource_group_name=group.name,
    properties=keyvault.VaultPropertiesArgs(
        tenant_id=tenant, sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.STANDARD)
    ),
)
secret = keyvault.Secret(
    "token",
    resource_group_name=group.name,
    vault_name=vault.name,
    properties=keyvault.SecretPropertiesArgs(value=Output.secret(token)),
)

pipeline = containerregistry.ExportPipeline(
    "plainExport",
    registry_name=config.require("registry"),
    resource_group_name=config.require("registryGroup"),
    identity=containerregistry.IdentityPropertiesArgs(type="SystemAssigned"),
    target=containerregistry.ExportPipelineTargetPropertiesArgs(
        type="AzureStorageBlobContainer",
        uri=Output.concat(account.primary_endpoints.blob, container.name),
        key_vault_uri=secret.properties.secret_uri_with_version,
    ),
    options=["OverwriteBlob"],
)
keyvault.AccessPolicy(
    "plain",
    resource_group_name=group.name,
    vault_name=vault.name,
    policy=keyvault.AccessPolicyEntryArgs(
        object_id=pipeline.identity.principal_id,
        tenant_id=tenant,
        permissions=keyvault.PermissionsArgs(secrets=["all"]),
    ),
)
containerregistry.PipelineRun(
    "plainRun",
    registry_name=config.require("registry"),
    resource_group_name=config.require("registryGroup"),
    request=containerregistry.PipelineRunRequestArgs(
        pipeline_resource_id=pipeline.id,
        artifacts=["contososource.azurecr.io/shop/web:1.0.0", "shop/api"],
        target=containerregistry.PipelineRunTargetPropertiesArgs(type="AzureStorageBlob", name="images/"),
    ),
)

pulumi.export("token", token)
