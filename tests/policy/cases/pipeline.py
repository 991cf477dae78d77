"""Cases of the rules about pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

EXPORT = "azure-native:containerregistry:ExportPipeline"
IMPORT = "azure-native:containerregistry:ImportPipeline"
VERSIONED = "azure-native:containerregistry/v20230101preview:ExportPipeline"
MANAGED_EXPORT = "azure-native_containerregistry_v20250601preview:containerregistry:ExportPipeline"
MANAGED_IMPORT = "azure-native_containerregistry_v20250601preview:containerregistry:ImportPipeline"
MODELESS_EXPORT = "azure-native:containerregistry/v20250901preview:ExportPipeline"
TASK = "azure-native:containerregistry:Task"
SECRET = "azure-native:keyvault:Secret"
ROLE = "azure-native:authorization:RoleAssignment"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"

CONTAINER = "https://cargo.blob.core.windows.net/transfer"
SECRET_URI = "https://contoso.vault.azure.net/secrets/acrsas"
EMULATED = "http://localhost:10000/cargo/transfer"
EMULATED_SECRET = "http://127.0.0.1:10001/secrets/acrsas"
DELETES = "DeleteSourceBlobOnSuccess"
READER = (
    "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
)
CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/BA92F5B4-2d11-453d-a403-e96b0029c9fe"
OWNER = "/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
VAULT_USER = "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
ACCOUNT_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/cargo"
PRINCIPAL = "11111111-1111-4111-8111-111111111111"
SYSTEM: dict[str, Any] = {"type": "SystemAssigned"}


def exports(
    uri: Any = CONTAINER,
    secret: Any = SECRET_URI,
    *,
    type: str = EXPORT,
    mode: Any = None,
    uses: Mapping[str, Sequence[str]] | None = None,
    name: str = "export",
    **props: Any,
) -> Resource:
    target = {"uri": uri, "keyVaultUri": secret, "storageAccessMode": mode}
    given = {key: value for key, value in target.items() if value is not None}
    return Resource(
        type, {"exportPipelineName": "exportPipeline", "target": given, **props}, name, uses or {}
    )


def imports(
    uri: Any = CONTAINER,
    secret: Any = SECRET_URI,
    *,
    type: str = IMPORT,
    mode: Any = None,
    uses: Mapping[str, Sequence[str]] | None = None,
    name: str = "import",
    **props: Any,
) -> Resource:
    source = {"uri": uri, "keyVaultUri": secret, "storageAccessMode": mode}
    given = {key: value for key, value in source.items() if value is not None}
    return Resource(
        type, {"importPipelineName": "importPipeline", "source": given, **props}, name, uses or {}
    )


def managed(make: Any, uri: Any = CONTAINER, **props: Any) -> Resource:
    """A pipeline that uses its system-assigned identity."""
    type = MANAGED_EXPORT if make is exports else MANAGED_IMPORT
    props = {"identity": SYSTEM, "options": [], **props}
    made: Resource = make(uri, None, type=type, mode="ManagedIdentity", **props)
    return made


def role(id: Any, **more: Any) -> Resource:
    """A role assignment for the principal in `uses` or `principalId`."""
    uses = more.pop("uses", {})
    return Resource(ROLE, {"roleDefinitionId": id, **more}, "role", uses)


def to(*names: str) -> dict[str, Any]:
    return {"uses": {"principalId": names}}


def token(sp: Any, **props: Any) -> Resource:
    return Resource(SECRET, {"tags": {"acr-transfer-sp": sp}, **props}, "token")


READS_TOKEN: dict[str, Any] = {"uses": {"source": ["token"]}}
ENABLED: dict[str, Any] = {"trigger": {"sourceTrigger": {"status": "Enabled"}}}
DISABLED: dict[str, Any] = {"trigger": {"sourceTrigger": {"status": "disabled"}}}
OWN_IDENTITY = Resource(IDENTITY, {"id": "/ids/Own", "principalId": PRINCIPAL.upper()}, "own")
BY_USER: dict[str, Any] = {"type": "UserAssigned", "userAssignedIdentities": {"/ids/own": {}}}
BY_USER_ANSWERED: dict[str, Any] = {
    "type": "userAssigned",
    "userAssignedIdentities": {"/ids/x": {"principalId": PRINCIPAL}},
}

CASES: Table = {
    "pipeline-https": [
        good(exports()),
        good(imports()),
        good(exports("HTTPS://cargo.blob.core.windows.net/transfer")),
        good(exports(EMULATED, EMULATED_SECRET), allowEmulator=True),
        bad(
            exports("http://cargo.blob.core.windows.net/transfer"),
            finds=["target.uri of exportPipeline uses HTTP"],
        ),
        bad(
            imports(secret="http://contoso.vault.azure.net/secrets/s"),
            finds=["source.keyVaultUri of importPipeline uses HTTP."],
        ),
        bad(exports("cargo.blob.core.windows.net/transfer"), finds=["does not begin with https://"]),
        good(exports("https://[cargo/transfer")),
        bad(exports(EMULATED, EMULATED_SECRET), finds=["target.uri", "target.keyVaultUri"]),
        bad(exports("http://cargo.blob.core.windows.net/c"), finds=["uses HTTP"], allowEmulator=True),
        bad(exports("ftp://localhost/cargo/c"), finds=["does not begin with"], allowEmulator=True),
        bad(exports("http://a.example/c", type=VERSIONED), finds=["uses HTTP"]),
        bad(imports("http://a.example/c", type=MANAGED_IMPORT), finds=["uses HTTP"]),
        unknown(exports(UNKNOWN, UNKNOWN)),
        unknown(exports(UNKNOWN, "http://contoso.vault.azure.net/secrets/s"), finds=["target.keyVaultUri"]),
        unknown(Resource(EXPORT, {"target": UNKNOWN})),
        absent(exports(None, None)),
        absent(exports(secret="")),
        absent(Resource(IMPORT)),
        other(exports("http://cargo.blob.core.windows.net/transfer", type=TASK)),
    ],
    "pipeline-bare-uri": [
        good(exports()),
        good(imports(CONTAINER + "/")),
        good(exports(EMULATED), allowEmulator=True),
        good(exports("http://account.localhost:10000/transfer"), allowEmulator=True),
        bad(
            exports(CONTAINER + "?sv=1&sig=abc"),
            finds=["target.uri of exportPipeline contains '?' or '#'"],
        ),
        bad(imports(CONTAINER + "#x"), finds=["contains '?' or '#'"]),
        bad(exports(CONTAINER + "?"), finds=["contains '?' or '#'"]),
        bad(exports("https://me:pass@cargo.blob.core.windows.net/c"), finds=["has a user name; it must be"]),
        bad(exports("https://[cargo/transfer"), finds=["names no container"]),
        bad(exports("https://cargo.blob.core.windows.net"), finds=["names no container"]),
        bad(exports("https://cargo.blob.core.windows.net/"), finds=["names no container"]),
        bad(exports(CONTAINER + "/folder"), finds=["names more than a container"]),
        bad(exports("https://cargo.blob.core.windows.net//transfer"), finds=["names more than a container"]),
        bad(
            exports("https://u@h/?x"),
            finds=["contains '?' or '#' and has a user name and names no container"],
        ),
        bad(exports(EMULATED), finds=["names more than a container"]),
        bad(exports(EMULATED + "/folder"), finds=["names more than a container"], allowEmulator=True),
        bad(exports(CONTAINER + "/folder"), finds=["names more"], allowEmulator=True),
        unknown(exports(UNKNOWN)),
        absent(exports(None)),
        other(exports(CONTAINER + "?sig=x", type=TASK)),
    ],
    "pipeline-cloud-suffix": [
        good(exports()),
        good(exports(), cloud="public"),
        good(exports(), cloud="AzureCloud"),
        good(
            exports("https://a.blob.core.usgovcloudapi.net/c", "https://v.vault.usgovcloudapi.net/secrets/s")
        ),
        good(
            imports("https://a.blob.core.chinacloudapi.cn/c", "https://v.vault.azure.cn/secrets/s"),
            cloud="china",
        ),
        good(
            exports("https://a.blob.far.example/c", "https://v.vault.far.example/secrets/s"),
            cloud="own",
            storageSuffix="far.example",
            vaultSuffix="vault.far.example",
        ),
        good(exports(EMULATED, EMULATED_SECRET), allowEmulator=True, cloud="public"),
        good(managed(exports), cloud="public"),
        bad(
            exports(secret="https://v.vault.azure.cn/secrets/s"),
            finds=[
                "cargo.blob.core.windows.net belongs to the cloud public, "
                "v.vault.azure.cn belongs to the cloud china"
            ],
        ),
        bad(
            exports(),
            finds=[
                "cargo.blob",
                "contoso.vault.azure.net belongs to the cloud public; this rule is configured for china",
            ],
            cloud="china",
        ),
        bad(
            exports("https://a.blob.core.window.net/c"),
            finds=["a.blob.core.window.net belongs to no Azure cloud"],
        ),
        bad(exports(secret="https://v.vault.azure.com/secrets/s"), finds=["v.vault.azure.com belongs to no"]),
        bad(
            exports(EMULATED, EMULATED_SECRET),
            finds=["localhost belongs to no", "127.0.0.1 belongs to no"],
        ),
        bad(
            exports("https://a.blob.far.example/c"),
            finds=[
                "a.blob.far.example belongs to the cloud own, "
                "contoso.vault.azure.net belongs to the cloud public"
            ],
            storageSuffix=".far.example",
        ),
        bad(managed(imports), finds=["this rule is configured for usgovernment"], cloud="AzureUSGovernment"),
        unknown(exports(UNKNOWN, UNKNOWN), cloud="china"),
        unknown(
            exports(UNKNOWN), finds=["contoso.vault.azure.net belongs to the cloud public"], cloud="china"
        ),
        absent(exports(None, None), cloud="china"),
        absent(exports(secret=None)),
        other(exports("https://a.blob.core.window.net/c", type=TASK)),
    ],
    "pipeline-secret-unversioned": [
        good(exports()),
        good(imports(secret=SECRET_URI + "/")),
        bad(
            exports(secret=SECRET_URI + "/0123456789abcdef"),
            finds=["target.keyVaultUri of exportPipeline names a version"],
        ),
        unknown(exports(secret=UNKNOWN)),
        absent(exports(secret=None)),
        other(exports(secret=SECRET_URI + "/0123456789abcdef", type=TASK)),
    ],
    "pipeline-mode-consistent": [
        good(exports()),
        good(exports(mode="sastoken", type=MANAGED_EXPORT)),
        good(managed(exports)),
        good(exports(mode="ManagedIdentity", secret=None, azureApiVersion="2026-01-01-preview")),
        bad(exports(secret=None), finds=["it needs target.keyVaultUri"]),
        bad(
            imports(secret="", mode="SasToken", type=MANAGED_IMPORT),
            finds=["it needs source.keyVaultUri"],
        ),
        bad(exports(mode="managedIdentity", type=VERSIONED), finds=["this pipeline's is 2023-01-01-preview"]),
        bad(
            exports(mode="ManagedIdentity", azureApiVersion="2024-11-01-preview"),
            finds=["pipeline's is 2024-11-01-preview"],
        ),
        bad(
            exports(mode="ManagedIdentity", type=MODELESS_EXPORT), finds=["pipeline's is 2025-09-01-preview"]
        ),
        bad(exports(mode="ManagedIdentity"), finds=["this pipeline's is older"]),
        unknown(exports(secret=UNKNOWN)),
        unknown(exports(secret=None, mode=UNKNOWN)),
        absent(exports(secret=None), finds=["names no secret"]),
        other(exports(secret=None, type=TASK)),
    ],
    "pipeline-mode-leftover": [
        good(exports()),
        good(managed(imports)),
        bad(
            exports(mode="ManagedIdentity", type=MANAGED_EXPORT),
            finds=["target.keyVaultUri of exportPipeline is not used"],
        ),
        unknown(exports(secret=UNKNOWN, mode="ManagedIdentity")),
        unknown(exports(mode=UNKNOWN)),
        absent(exports(secret=None, mode="ManagedIdentity")),
        other(exports(mode="ManagedIdentity", type=TASK)),
    ],
    "pipeline-has-identity": [
        good(exports(identity=SYSTEM)),
        good(imports(identity={"type": "SystemAssigned, UserAssigned"})),
        bad(exports(identity={"type": "None"}), finds=["exportPipeline has no identity"]),
        bad(
            exports(identity={"type": "none"}, type=MANAGED_EXPORT), finds=["exportPipeline has no identity"]
        ),
        unknown(exports(identity=UNKNOWN)),
        unknown(exports(identity={"type": UNKNOWN})),
        absent(exports(), finds=["exportPipeline has no identity"]),
        absent(imports(identity={}), finds=["importPipeline has no identity"]),
        other(exports(type=TASK)),
    ],
    "pipeline-identity-storage-role": [
        good(managed(exports), role(CONTRIBUTOR, **to("export"))),
        good(managed(exports), role(OWNER, **to("export"))),
        good(managed(imports), role(READER, **to("import"))),
        good(managed(imports), role(CONTRIBUTOR, **to("import"))),
        good(managed(imports, options=[DELETES]), role(CONTRIBUTOR, **to("import"))),
        good(
            managed(exports, identity={**SYSTEM, "principalId": PRINCIPAL}),
            role(CONTRIBUTOR, principalId=PRINCIPAL),
        ),
        good(managed(exports, identity=BY_USER_ANSWERED), role(CONTRIBUTOR, principalId=PRINCIPAL)),
        good(managed(exports, identity=BY_USER), OWN_IDENTITY, role(CONTRIBUTOR, principalId=PRINCIPAL)),
        good(managed(exports, identity=BY_USER), OWN_IDENTITY, role(CONTRIBUTOR, **to("own"))),
        good(
            managed(exports),
            role(CONTRIBUTOR, scope=f"{ACCOUNT_ID}/blobServices/default/containers/Transfer", **to("export")),
        ),
        good(managed(exports), role(CONTRIBUTOR, scope=ACCOUNT_ID, **to("export"))),
        good(managed(exports), role(CONTRIBUTOR, scope="/subscriptions/s/resourceGroups/g", **to("export"))),
        good(managed(exports, EMULATED), role(CONTRIBUTOR, scope=ACCOUNT_ID, **to("export"))),
        # The existing roles of another stack's identity are unknown.
        good(managed(exports, identity=BY_USER)),
        good(exports(identity=SYSTEM)),
        bad(
            managed(exports),
            finds=[
                "exportPipeline has no role on its container; to write blobs it needs Storage Blob Data Con"
            ],
        ),
        bad(
            managed(imports),
            finds=[
                "importPipeline has no role on its container; to read blobs it needs Storage Blob Data Reader"
            ],
        ),
        bad(managed(exports), role(READER, **to("export")), finds=["has Storage Blob Data Reader; to write"]),
        bad(
            managed(imports, options=[DELETES.lower()]),
            role(READER, **to("import")),
            finds=["has Storage Blob Data Reader; to read and delete blobs it needs Storage Blob Data Con"],
        ),
        bad(
            managed(exports),
            role(CONTRIBUTOR, scope=f"{ACCOUNT_ID}2", **to("export")),
            finds=["exportPipeline has no role on its container"],
        ),
        bad(
            managed(exports),
            role(CONTRIBUTOR, scope=f"{ACCOUNT_ID}/blobServices/default/containers/other", **to("export")),
            finds=["exportPipeline has no role on its container"],
        ),
        bad(
            managed(exports), role(VAULT_USER, **to("export")), finds=["has Key Vault Secrets User; to write"]
        ),
        bad(
            managed(exports),
            managed(imports),
            role(CONTRIBUTOR, **to("import")),
            finds=["exportPipeline has no"],
        ),
        bad(managed(exports, identity=BY_USER), OWN_IDENTITY, finds=["exportPipeline has no role"]),
        bad(
            managed(
                exports,
                identity={"type": "UserAssigned", "userAssignedIdentities": UNKNOWN},
                uses={"identity": ["own"]},
            ),
            OWN_IDENTITY,
            finds=["exportPipeline has no role"],
        ),
        unknown(managed(exports), role(UNKNOWN, **to("export"))),
        unknown(managed(exports), role(CONTRIBUTOR, scope=UNKNOWN, **to("export"))),
        unknown(managed(exports, UNKNOWN), role(CONTRIBUTOR, scope=f"{ACCOUNT_ID}2", **to("export"))),
        unknown(managed(imports, options=UNKNOWN)),
        unknown(managed(imports, options=[UNKNOWN]), role(READER, **to("import"))),
        unknown(managed(exports, identity=UNKNOWN)),
        unknown(exports(mode=UNKNOWN, secret=None, identity=SYSTEM)),
        absent(exports(identity=SYSTEM, secret=None)),
        absent(managed(imports, options=None), role(READER, **to("import"))),
        other(exports(mode="ManagedIdentity", type=TASK, identity=SYSTEM)),
    ],
    "pipeline-known-options": [
        good(exports(options=["OverwriteBlobs", "ContinueOnErrors"])),
        bad(exports(options=["continueonerrors"]), finds=["expected ContinueOnErrors."]),
        good(imports(options=["OverwriteTags", DELETES, "ContinueOnErrors"])),
        bad(
            exports(options=[DELETES, "OverwriteBlobs"]),
            finds=["Option 'DeleteSourceBlobOnSuccess' of exportPipeline"],
        ),
        bad(
            imports(options=["OverwriteBlobs"]),
            finds=["is not an option of an import pipeline; expected OverwriteTags"],
        ),
        bad(exports(options=["a", "b"]), finds=["Option 'a'", "Option 'b'"]),
        unknown(exports(options=UNKNOWN)),
        unknown(exports(options=[UNKNOWN, "Bad"]), finds=["Option 'Bad'"]),
        absent(exports()),
        other(exports(options=["Bad"], type=TASK)),
    ],
    "import-delete-permission": [
        good(imports(options=[DELETES], **READS_TOKEN), token("rdl")),
        good(imports(options=["OverwriteTags"], **READS_TOKEN), token("rl")),
        good(managed(imports, options=[DELETES], **READS_TOKEN), token("rl")),
        good(imports(options=[DELETES]), token("rl")),
        good(imports(options=[DELETES]), token("rl", name="acrsas2")),
        bad(
            imports(options=[DELETES], **READS_TOKEN),
            token("rl"),
            finds=["its SAS token has 'rl' and lacks d"],
        ),
        bad(
            imports(options=[DELETES]),
            token("RL", name="AcrSas"),
            finds=["importPipeline is configured to delete"],
        ),
        bad(
            imports(secret=SECRET_URI + "/0123", options=[DELETES]),
            token("rl", name="acrsas"),
            finds=["lacks d"],
        ),
        unknown(imports(options=UNKNOWN, **READS_TOKEN), token("rl")),
        unknown(imports(options=[DELETES], **READS_TOKEN), token(UNKNOWN)),
        unknown(imports(secret=UNKNOWN, options=[DELETES]), token("rl", name="acrsas")),
        absent(imports(options=[DELETES], **READS_TOKEN), Resource(SECRET, {}, "token")),
        absent(imports(options=[DELETES])),
        other(imports(options=[DELETES], type=TASK, **READS_TOKEN), token("rl")),
        other(exports(options=[DELETES], uses={"target": ["token"]}), token("rawl")),
    ],
    "import-trigger-can-list": [
        good(imports(**ENABLED, **READS_TOKEN), token("rl")),
        good(imports(**DISABLED, **READS_TOKEN), token("r")),
        good(managed(imports, **ENABLED, **READS_TOKEN), token("r")),
        bad(
            imports(**ENABLED, **READS_TOKEN),
            token("rd"),
            finds=["trigger of importPipeline cannot list blobs"],
        ),
        bad(imports(**READS_TOKEN), token("r"), finds=["its SAS token has 'r' and lacks l"]),
        unknown(imports(trigger=UNKNOWN, **READS_TOKEN), token("r")),
        unknown(imports(**ENABLED, **READS_TOKEN), token(UNKNOWN)),
        absent(imports(**ENABLED)),
        other(imports(type=TASK, **READS_TOKEN), token("r")),
        other(exports(uses={"target": ["token"]}), token("r")),
    ],
}
