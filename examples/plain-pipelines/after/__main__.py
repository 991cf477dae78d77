"""The export pipeline of `before`, corrected after its review."""

from datetime import datetime

import pulumi
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pulumi import Output, ResourceOptions
from pulumi_azure_native import authorization, containerregistry, keyvault, resources, storage

config = pulumi.Config()
tenant = authorization.get_client_config_output().tenant_id
expiry = datetime.fromisoformat(config.require("sasExpiry"))

group = resources.ResourceGroup("plain", resource_group_name="plain-after")
account = storage.StorageAccount(
    "plain",
    resource_group_name=group.name,
    kind=storage.Kind.STORAGE_V2,
    sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
    allow_blob_public_access=False,
    minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
    enable_https_traffic_only=True,
    sas_policy=storage.SasPolicyArgs(
        expiration_action=storage.ExpirationAction.LOG, sas_expiration_period="07.00:00:00"
    ),
)
# Azure refuses a change of an account during another one: container and policy wait for the one before.
blobs = storage.BlobServiceProperties(
    "plain",
    resource_group_name=group.name,
    account_name=account.name,
    blob_services_name="default",
    delete_retention_policy=storage.DeleteRetentionPolicyArgs(enabled=True, days=7),
)
container = storage.BlobContainer(
    "transfer",
    resource_group_name=group.name,
    account_name=account.name,
    public_access=storage.PublicAccess.NONE,
    opts=ResourceOptions(depends_on=[blobs]),
)
storage.ManagementPolicy(
    "plain",
    resource_group_name=group.name,
    account_name=account.name,
    management_policy_name="default",
    policy=storage.ManagementPolicySchemaArgs(
        rules=[
            storage.ManagementPolicyRuleArgs(
                name="forgotten",
                enabled=True,
                type=storage.RuleType.LIFECYCLE,
                definition=storage.ManagementPolicyDefinitionArgs(
                    actions=storage.ManagementPolicyActionArgs(
                        base_blob=storage.ManagementPolicyBaseBlobArgs(
                            delete=storage.DateAfterModificationArgs(days_after_modification_greater_than=60)
                        )
                    ),
                    filters=storage.ManagementPolicyFilterArgs(
                        blob_types=["blockBlob"], prefix_match=[Output.concat(container.name, "/")]
                    ),
                ),
            )
        ]
    ),
)
keys = storage.list_storage_account_keys_output(
    resource_group_name=group.name, account_name=account.name
).keys
token = Output.secret(
    Output.all(account.name, container.name, keys[0].value).apply(
        lambda known: generate_container_sas(
            account_name=known[0],
            container_name=known[1],
            account_key=known[2],
            permission=ContainerSasPermissions(read=True, add=True, write=True, list=True),
            expiry=expiry,
            protocol="https",
        )
    )
)

vault = keyvault.Vault(
    "plain",
    resource_group_name=group.name,
    properties=keyvault.VaultPropertiesArgs(
        tenant_id=tenant,
        sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.STANDARD),
        enable_soft_delete=True,
        enable_purge_protection=True,
    ),
)
secret = keyvault.Secret(
    "token",
    resource_group_name=group.name,
    vault_name=vault.name,
    properties=keyvault.SecretPropertiesArgs(
        value=Output.concat("?", token),
        content_type="application/x-azure-sas",
        attributes=keyvault.SecretAttributesArgs(expires=int(expiry.timestamp())),
    ),
    # The token's permissions and expiry, for policy rules and operators that cannot read the token.
    tags={
        "acr-transfer-direction": "export",
        "acr-transfer-sp": "rawl",
        "acr-transfer-expiry": expiry.isoformat(),
    },
    # Deleted with its vault, so that destroying the stack needs no permission on secrets.
    opts=pulumi.ResourceOptions(deleted_with=vault),
)

pipeline = containerregistry.ExportPipeline(
    "plainExport",
    registry_name=config.require("registry"),
    resource_group_name=config.require("registryGroup"),
    identity=containerregistry.IdentityPropertiesArgs(type="SystemAssigned"),
    target=containerregistry.ExportPipelineTargetPropertiesArgs(
        type="AzureStorageBlobContainer",
        uri=Output.concat(account.primary_endpoints.blob, container.name),
        key_vault_uri=secret.properties.secret_uri,
    ),
    options=["OverwriteBlobs"],
)
grant = keyvault.AccessPolicy(
    "plain",
    resource_group_name=group.name,
    vault_name=vault.name,
    policy=keyvault.AccessPolicyEntryArgs(
        object_id=pipeline.identity.principal_id,
        tenant_id=tenant,
        permissions=keyvault.PermissionsArgs(secrets=[keyvault.SecretPermissions.GET]),
    ),
)
containerregistry.PipelineRun(
    "plainRun",
    registry_name=config.require("registry"),
    resource_group_name=config.require("registryGroup"),
    force_update_tag="1",
    request=containerregistry.PipelineRunRequestArgs(
        pipeline_resource_id=pipeline.id,
        artifacts=[
            "shop/web@sha256:f2be622ba6e4f06a5bc70a9ab5ed9b46e2145a45010ae44b3014505e88d8ae1c",
            "shop/api@sha256:29441aef4ccf1df26750abbccd23366f378c6373b23ebda071b50d0cb831cc39",
        ],
        target=containerregistry.PipelineRunTargetPropertiesArgs(type="AzureStorageBlob", name="shop"),
    ),
    opts=pulumi.ResourceOptions(depends_on=[grant]),
)

pulumi.export("secret", secret.properties.secret_uri)
