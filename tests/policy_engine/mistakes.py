"""A stack of plain azure-native resources, correct apart from the mistakes that its configuration names."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
from pulumi import Input, Output
from pulumi_azure_native import authorization, containerregistry, keyvault, monitor, storage

GROUP = "images"
ENDS = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
MISTAKES: list[str] = pulumi.Config().require_object("mistakes")
SIGNATURE = os.environ["MISTAKES_SIGNATURE"]
"""No message may show this."""

PROTECTED = pulumi.ResourceOptions(protect=True)
IDENTITY = containerregistry.IdentityPropertiesArgs(
    type=containerregistry.ResourceIdentityType.SYSTEM_ASSIGNED
)


def either(mistake: str, wrong: Any, right: Any) -> Any:
    """Return the wrong value for a configured mistake, else the right one."""
    return wrong if mistake in MISTAKES else right


def token(rights: str) -> str:
    """Return a SAS token in Azure's form for a container that does not exist."""
    life = f"se={ENDS:%Y-%m-%dT%H%%3A%M%%3A%SZ}&sv=2024-11-04&sp={rights}&sr=c&spr=https"
    return f"{either('no-question-mark', '', '?')}{life}&sig={SIGNATURE}%3D"


def secret(name: str, direction: str, rights: str) -> keyvault.Secret:
    """Create a vault secret with a token."""
    late = either("expiry-mismatch", timedelta(days=30), timedelta())
    return keyvault.Secret(
        name,
        resource_group_name=GROUP,
        vault_name=vault.name,
        secret_name=name,
        properties=keyvault.SecretPropertiesArgs(
            value=Output.secret(token(rights)),
            content_type="application/x-azure-sas",
            attributes=keyvault.SecretAttributesArgs(expires=int((ENDS + late).timestamp())),
        ),
        tags={
            "acr-transfer-direction": direction,
            "acr-transfer-sp": rights,
            "acr-transfer-expiry": f"{ENDS:%Y-%m-%dT%H:%M:%SZ}",
            "acr-transfer-container": "transfer",
        },
    )


def grant(name: str, pipeline: Any) -> None:
    """Grant a pipeline access to its token."""
    permissions = keyvault.PermissionsArgs(secrets=[keyvault.SecretPermissions.GET])
    entry = keyvault.AccessPolicyEntryArgs(
        object_id=pipeline.identity.principal_id, tenant_id=TENANT, permissions=permissions
    )
    keyvault.AccessPolicy(name, resource_group_name=GROUP, vault_name=vault.name, policy=entry)


def exporting(name: str, uri: str, secret_uri: Input[str]) -> containerregistry.ExportPipeline:
    """Create an export pipeline."""
    return containerregistry.ExportPipeline(
        name,
        resource_group_name=GROUP,
        registry_name="contososource",
        location="westeurope",
        identity=IDENTITY,
        target=containerregistry.ExportPipelineTargetPropertiesArgs(
            type="AzureStorageBlobContainer", uri=uri, key_vault_uri=secret_uri
        ),
        options=["OverwriteBlobs"],
    )


def run(name: str, pipeline: containerregistry.ExportPipeline, count: int) -> None:
    """Create an export run of `count` artifacts."""
    containerregistry.PipelineRun(
        name,
        resource_group_name=GROUP,
        registry_name="contososource",
        force_update_tag="1",
        request=containerregistry.PipelineRunRequestArgs(
            pipeline_resource_id=pipeline.id,
            artifacts=[f"shop/web@sha256:{number:064x}" for number in range(count)],
            target=containerregistry.PipelineRunTargetPropertiesArgs(type="AzureStorageBlob", name=name),
        ),
    )


TENANT = authorization.get_client_config_output().tenant_id
account = storage.StorageAccount(
    "account",
    account_name="transferaccount",
    resource_group_name=GROUP,
    kind=storage.Kind.STORAGE_V2,
    sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
    enable_https_traffic_only=True,
    minimum_tls_version=either("tls-1.0", "TLS1_0", "TLS1_2"),
    allow_blob_public_access=False,
    sas_policy=storage.SasPolicyArgs(expiration_action="Log", sas_expiration_period="07.00:00:00"),
    opts=PROTECTED,
)
storage.BlobServiceProperties(
    "service",
    resource_group_name=GROUP,
    account_name=account.name,
    blob_services_name="default",
    delete_retention_policy=storage.DeleteRetentionPolicyArgs(enabled=True, days=7),
)
for each in ("exports", "imports", "second", "third"):
    storage.BlobContainer(
        each,
        container_name=each,
        resource_group_name=GROUP,
        account_name=account.name,
        public_access=either("public-container", "Blob", "None"),
    )
vault = keyvault.Vault(
    "vault",
    vault_name="transfervault",
    resource_group_name=GROUP,
    properties=keyvault.VaultPropertiesArgs(
        tenant_id=TENANT,
        sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.STANDARD),
        enable_soft_delete=True,
        enable_purge_protection=True,
        network_acls=keyvault.NetworkRuleSetArgs(bypass="AzureServices", default_action="Deny"),
    ),
    opts=PROTECTED,
)
for each, logged in (
    ("account-logs", Output.concat(account.id, "/blobServices/default")),
    ("vault-logs", vault.id),
):
    monitor.DiagnosticSetting(
        each,
        resource_uri=logged,
        workspace_id="/subscriptions/s/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/logs",
        logs=[monitor.DiagnosticsLogSettingsArgs(category_group="audit", enabled=True)],
    )
sends = secret("sends", "export", either("too-many-rights", "racwdl", "rawl"))
takes = secret("takes", "import", either("delete-without-d", "rl", "rdl"))

blobs = "https://transferaccount.blob.core.windows.net"
sends_uri = Output.concat(vault.properties.vault_uri, "secrets/", sends.name)
first = exporting(
    "exportFirst",
    f"{either('http-uri', 'http', 'https')}://elsewhere.blob.core.windows.net/exports",
    sends_uri,
)
second = exporting("exportSecond", f"{blobs}/second", sends_uri)
third = exporting("exportThird", f"{blobs}/{either('shared-container', 'Second/', 'third')}", sends_uri)
cloud = either("wrong-cloud", "usgovcloudapi", "windows")
known = "https://somewhere.vault.azure.net/secrets/sends"
exporting("exportFourth", f"https://fourth.blob.core.{cloud}.net/exports", known)
importing = containerregistry.ImportPipeline(
    "importFifth",
    resource_group_name=GROUP,
    registry_name="contososource",
    location="westeurope",
    identity=IDENTITY,
    source=containerregistry.ImportPipelineSourcePropertiesArgs(
        type="AzureStorageBlobContainer",
        uri=f"{blobs}/imports",
        key_vault_uri=Output.concat(vault.properties.vault_uri, "secrets/", takes.name),
    ),
    trigger=containerregistry.PipelineTriggerPropertiesArgs(
        source_trigger=containerregistry.PipelineSourceTriggerPropertiesArgs(status="Enabled")
    ),
    options=["OverwriteTags", "DeleteSourceBlobOnSuccess"],
)
for pipeline in (first, second, third, importing):
    if pipeline is not first or "missing-grant" not in MISTAKES:
        grant(f"{pipeline._name}-reads", pipeline)
run("runFirst", first, either("51-artifacts", 51, 50))

place = f"{blobs}/exports"
pulumi.export("place", either("sas-in-output", place + token("rawl"), place))
