"""The variants of a side, as a table: created resources, existing resources and permissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pulumi
import pytest

from acr_transfer.model.options import TriggerStatus
from acr_transfer.model.roles import Role, RoleAssignmentMode
from components import SourceSide, SourceSideArgs, TargetSide, TargetSideArgs
from components.choices import AccountKey, StorageAccess, VaultAccess
from components.pipelines import role_delay
from components.pipelines.preview_api import (
    ABAC_REGISTRY,
    EXPORT_PIPELINE,
    IMPORT_PIPELINE,
    PACKAGE,
    PIPELINE_RUN,
)
from tests.component.mock_azure import RUN, SECRET, Deploy, Deployed

GROUP = "/subscriptions/s/resourceGroups/data/providers"
ACCOUNT = f"{GROUP}/Microsoft.Storage/storageAccounts/contosodata"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/contoso-vault"
IDENTITY = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mover"
TOKEN = {"sas_expiry": "2099-12-31T00:00:00Z"}
MANAGED = {"storage_access": StorageAccess.MANAGED_IDENTITY}
REGISTRY_GROUP = {"registry_resource_group": "images"}
COMMON = {"resource_group": "acr-transfer", "registry": "contoso"}


def source(deploy: Deploy, *changes: dict[str, Any], **differences: Any) -> Deployed:
    given = {**COMMON, **REGISTRY_GROUP, "artifacts": ["app:1"]}
    for change in changes:
        given |= change
    return deploy(lambda: SourceSide("transfer", cast(SourceSideArgs, given)).outputs, **differences)


def target(deploy: Deploy, *changes: dict[str, Any], **differences: Any) -> Deployed:
    given = {**COMMON, **REGISTRY_GROUP}
    for change in changes:
        given |= change
    return deploy(lambda: TargetSide("transfer", cast(TargetSideArgs, given)).outputs, **differences)


ACCOUNT_PARTS = ["StorageAccount", "BlobServiceProperties", "ManagementPolicy", "RandomString"]
VAULT_PARTS = ["Vault", "RandomString"]
TOKEN_PARTS = ["Secret", "AccessPolicy"]
ALWAYS = ["PipelineRun", "Stash", "Stash", "ExportPipeline"]


@dataclass
class Variant:
    """One variant of a source side, and its custom resources."""

    name: str
    args: list[dict[str, Any]]
    made: list[str]
    vault: dict[str, Any] = field(default_factory=dict)


VARIANTS = [
    Variant(
        "everything new",
        [TOKEN],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "a new registry",
        [TOKEN, {"create_registry": True, "registry_resource_group": ""}],
        ["ResourceGroup", "Registry", "BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "an existing resource group",
        [TOKEN, {"create_resource_group": False}],
        ["BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "an existing account",
        [TOKEN, {"storage_account": ACCOUNT}],
        ["ResourceGroup", "BlobContainer", *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "an existing container",
        [TOKEN, {"storage_account": "contosodata", "create_container": False}],
        ["ResourceGroup", *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "an existing vault",
        [TOKEN, {"vault": VAULT}],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "everything existing",
        [
            TOKEN,
            {"storage_account": ACCOUNT, "create_container": False, "vault": "contoso-vault"},
            {"create_resource_group": False, "identity": IDENTITY},
        ],
        [*TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "a role on a new vault",
        [TOKEN, {"vault_access": VaultAccess.RBAC}],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, "Secret", "RoleAssignment", *ALWAYS],
    ),
    Variant(
        "a role on an existing vault",
        [TOKEN, {"vault": VAULT, "vault_access": VaultAccess.RBAC}],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, "Secret", "RoleAssignment", *ALWAYS],
        {"enableRbacAuthorization": True},
    ),
    Variant(
        "a new identity",
        [TOKEN, {"create_identity": True}],
        [
            *["ResourceGroup", "BlobContainer", "UserAssignedIdentity"],
            *[*ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
        ],
    ),
    Variant(
        "no token",
        [MANAGED],
        ["ResourceGroup", "BlobContainer", "RoleAssignment", PACKAGE, *ACCOUNT_PARTS, *ALWAYS],
    ),
    Variant(
        "no token, a new identity, an existing account",
        [MANAGED, {"create_identity": True, "storage_account": ACCOUNT}],
        ["ResourceGroup", "BlobContainer", "RoleAssignment", PACKAGE, "UserAssignedIdentity", *ALWAYS],
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_side_creates_what_does_not_exist_and_nothing_else(deploy: Deploy, variant: Variant) -> None:
    deployed = source(deploy, *variant.args, vault=variant.vault)
    made = Counter(typ.rsplit(":")[-1] for typ in deployed.custom)
    assert made == Counter(variant.made)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_run_waits_for_the_permission_of_every_kind(deploy: Deploy, variant: Variant) -> None:
    deployed = source(deploy, *variant.args, vault=variant.vault)
    (run,) = [*deployed.all(RUN), *deployed.all(PIPELINE_RUN)]
    rights = ("AccessPolicy::", "RoleAssignment::")
    assert [urn for urn in run.dependencies if any(right in urn for right in rights)]


def test_a_pipeline_without_a_token_and_its_runs_have_one_api_version_and_provider(deploy: Deploy) -> None:
    deployed = source(deploy, MANAGED)
    run, pipeline = deployed.one(PIPELINE_RUN), deployed.one(EXPORT_PIPELINE)
    assert (run.provider, run.formerly) == (pipeline.provider, [RUN])
    assert PIPELINE_RUN in source(deploy, TOKEN).one(RUN).formerly


def test_the_parts_of_a_new_account_are_created_one_after_the_other(deploy: Deploy) -> None:
    deployed = source(deploy, TOKEN)
    container, service, policy = (
        deployed.one(typ) for typ in (":BlobContainer", ":BlobServiceProperties", ":ManagementPolicy")
    )
    assert any("BlobContainer" in urn for urn in service.dependencies)
    assert any("BlobServiceProperties" in urn for urn in policy.dependencies)
    assert any("ManagementPolicy" in urn for urn in deployed.one(SECRET).dependencies)
    assert not any("BlobServiceProperties" in urn for urn in container.dependencies)


def test_without_a_token_there_is_no_secret_output_and_no_key_is_read(deploy: Deploy) -> None:
    deployed = source(deploy, MANAGED)
    assert "sasSecretUri" not in deployed.value
    assert not [call for call in deployed.calls if "Keys" in call]


Roles = tuple[Callable[..., Deployed], list[dict[str, Any]], Role]


@pytest.mark.parametrize(
    ("side", "change", "role"),
    [
        (source, {}, Role.BLOB_CONTRIBUTOR),
        (target, {}, Role.BLOB_CONTRIBUTOR),
        (target, {"options": ["OverwriteTags"]}, Role.BLOB_READER),
        (target, {"options": []}, Role.BLOB_READER),
    ],
)
def test_without_a_token_the_identity_has_the_smallest_role_on_the_container_alone(
    deploy: Deploy, side: Callable[..., Deployed], change: dict[str, Any], role: Role
) -> None:
    deployed = side(deploy, MANAGED, change)
    given = deployed.one(":RoleAssignment").inputs
    assert given["roleDefinitionId"].endswith(f"/roleDefinitions/{role}")
    assert given["scope"] == "BlobContainer/transfer-staging-storage-container"
    assert (given["principalId"], given["principalType"]) == ("p-1", "ServicePrincipal")


def test_an_rbac_vault_assigns_key_vault_secrets_user_at_that_vault(deploy: Deploy) -> None:
    change = {"vault": VAULT, "vault_access": VaultAccess.RBAC}
    given = (
        source(deploy, TOKEN, change, vault={"enableRbacAuthorization": True}).one(":RoleAssignment").inputs
    )
    assert given["roleDefinitionId"].endswith(f"/roleDefinitions/{Role.VAULT_SECRETS_USER}")
    assert f"/{given['scope']}" == f"{GROUP}/Microsoft.KeyVault/vaults/contoso-vault"


@pytest.mark.parametrize("mode", [TOKEN, MANAGED], ids=["token", "no token"])
@pytest.mark.parametrize(
    "identity", [{"create_identity": True}, {"identity": IDENTITY}], ids=["new", "existing"]
)
def test_a_user_assigned_identity_gets_its_permission_by_its_principal_in_the_map(
    deploy: Deploy, mode: dict[str, Any], identity: dict[str, Any]
) -> None:
    deployed = source(deploy, mode, identity)
    asked = deployed.one(":containerregistry:ExportPipeline").inputs["identity"]
    id = identity.get("identity", "/UserAssignedIdentity/transfer-pipeline-identity")
    assert asked == {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    granted = [*deployed.all(":AccessPolicy"), *deployed.all(":RoleAssignment")]
    assert "p-user" in str(granted[0].inputs)
    assert len(granted) == 1


def test_a_new_identity_is_in_the_group_of_all_new_resources(deploy: Deploy) -> None:
    made = source(deploy, TOKEN, {"create_identity": True}).one(":UserAssignedIdentity").inputs
    assert (made["resourceGroupName"], made["resourceName"]) == ("acr-transfer", "contoso-exportPipeline")


@pytest.mark.parametrize(
    ("side", "kind", "typed", "end"),
    [
        (source, EXPORT_PIPELINE, "azure-native:containerregistry:ExportPipeline", "target"),
        (target, IMPORT_PIPELINE, "azure-native:containerregistry:ImportPipeline", "source"),
    ],
)
def test_both_kinds_of_access_are_one_pipeline(
    deploy: Deploy, side: Callable[..., Deployed], kind: str, typed: str, end: str
) -> None:
    managed, with_token = side(deploy, MANAGED).one(kind), side(deploy, TOKEN).one(typed)
    assert managed.inputs[end] == {
        "type": "AzureStorageBlobContainer",
        "uri": "https://storage.example/transferabcdefghijkl/transfer",
        "storageAccessMode": "ManagedIdentity",
    }
    assert typed in managed.formerly
    assert kind in with_token.formerly
    assert not managed.delete_first
    assert not with_token.delete_first
    assert managed.replaced_on == []
    assert with_token.replaced_on == [f"{end}.storageAccessMode"]


@pytest.mark.parametrize(
    ("side", "kind", "end"), [(source, EXPORT_PIPELINE, "target"), (target, IMPORT_PIPELINE, "source")]
)
def test_a_pipeline_that_has_used_its_identity_keeps_its_type_with_a_token(
    deploy: Deploy, side: Callable[..., Deployed], kind: str, end: str
) -> None:
    container = side(deploy, TOKEN, kept={"transfer-pipeline-version": True}).one(kind).inputs[end]
    assert container["storageAccessMode"] == "SasToken"
    assert container["keyVaultUri"].endswith("sas")


def test_a_new_account_without_tokens_refuses_keys_and_keeps_deleted_blobs_for_a_week(
    deploy: Deploy,
) -> None:
    deployed = source(deploy, MANAGED, {"blob_retention_days": 30})
    account = deployed.one(":StorageAccount").inputs
    assert account["allowSharedKeyAccess"] is False
    assert account["sasPolicy"] == {"expirationAction": "Log", "sasExpirationPeriod": "07.00:00:00"}
    kept = deployed.one(":BlobServiceProperties").inputs
    week = {"enabled": True, "days": 7}
    assert kept["deleteRetentionPolicy"] == kept["containerDeleteRetentionPolicy"] == week
    (rule,) = deployed.one(":ManagementPolicy").inputs["policy"]["rules"]
    assert rule["definition"]["filters"] == {"blobTypes": ["blockBlob"], "prefixMatch": ["transfer/"]}
    assert rule["definition"]["actions"]["baseBlob"]["delete"] == {"daysAfterModificationGreaterThan": 30}


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ({}, {"defaultAction": "Allow"}),
        ({"vault_addresses": []}, {"defaultAction": "Deny"}),
        (
            {"vault_addresses": ["203.0.113.7", "198.51.100.0/24"]},
            {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}, {"value": "198.51.100.0/24"}]},
        ),
    ],
)
def test_a_new_vault_is_open_unless_addresses_close_it(
    deploy: Deploy, addresses: dict[str, Any], expected: dict[str, Any]
) -> None:
    vault = source(deploy, TOKEN, addresses).one(":keyvault:Vault").inputs["properties"]
    assert vault["networkAcls"] == {"bypass": "AzureServices", **expected}


@pytest.mark.parametrize(
    ("network", "identity", "refused"),
    [
        ({"defaultAction": "Deny", "bypass": "AzureServices"}, {}, False),
        ({"defaultAction": "Deny", "bypass": "AzureServices"}, {"identity": IDENTITY}, True),
        ({"defaultAction": "Deny", "bypass": "None"}, {}, True),
        ({"defaultAction": "Allow", "bypass": "None"}, {"create_identity": True}, False),
    ],
)
def test_an_existing_vault_must_not_refuse_the_pipeline(
    deploy: Deploy, network: dict[str, Any], identity: dict[str, Any], refused: bool
) -> None:
    def deployed() -> Deployed:
        return source(deploy, TOKEN, {"vault": VAULT}, identity, vault={"networkAcls": network})

    if not refused:
        assert deployed().one(":keyvault:Secret")
        return
    with pytest.raises(Exception, match="refuses the identity of the pipeline"):
        deployed()


@pytest.mark.parametrize("cloud", ["usgovernment", "AzureUSGovernment", "china"])
def test_a_vault_of_a_sovereign_cloud_uses_roles_by_default(
    deploy: Deploy, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_ENVIRONMENT", cloud)
    deployed = source(deploy, TOKEN)
    assert deployed.one(":keyvault:Vault").inputs["properties"]["enableRbacAuthorization"] is True
    assert deployed.one(":RoleAssignment")
    with pytest.raises(Exception, match="expected rbac: azure-native writes access policies in"):
        source(deploy, TOKEN, {"vault_access": VaultAccess.ACCESS_POLICY})
    with pytest.raises(Exception, match="To change the vault:\n  az keyvault update --name"):
        source(deploy, TOKEN, {"vault": VAULT})


def test_a_new_vault_has_purge_protection_unless_disabled(deploy: Deploy) -> None:
    vault = source(deploy, TOKEN).one(":keyvault:Vault").inputs["properties"]
    assert vault["enablePurgeProtection"] is True
    other = source(deploy, TOKEN, {"purge_protection": False}).one(":keyvault:Vault").inputs["properties"]
    assert "enablePurgeProtection" not in other


def test_a_new_registry_is_premium_without_admin_user_and_anonymous_pull(deploy: Deploy) -> None:
    made = source(deploy, TOKEN, {"create_registry": True}).one(":Registry")
    assert made.inputs["sku"] == {"name": "Premium"}
    assert made.inputs["adminUserEnabled"] is made.inputs["anonymousPullEnabled"] is False
    assert made.inputs["resourceGroupName"] == "images"


def test_a_registry_with_roles_on_repositories_gives_the_pipeline_a_role(deploy: Deploy) -> None:
    mode = {"registry_role_assignment_mode": RoleAssignmentMode.ABAC}
    for side, role in ((source, Role.REPOSITORY_READER), (target, Role.REPOSITORY_WRITER)):
        deployed = side(deploy, TOKEN, mode, {"create_registry": True})
        made = deployed.one(ABAC_REGISTRY)
        assert made.inputs["roleAssignmentMode"] == "AbacRepositoryPermissions"
        assert made.inputs["sku"] == {"name": "Premium"}
        assert made.inputs["adminUserEnabled"] is made.inputs["anonymousPullEnabled"] is False
        grant = deployed.one(":RoleAssignment").inputs
        assert grant["roleDefinitionId"].endswith(role)
        assert grant["scope"].endswith("Microsoft.ContainerRegistry/registries/contoso")
        assert grant["principalId"]


@pytest.mark.parametrize("protect", [True, False])
def test_resources_with_data_are_protected_on_request(deploy: Deploy, protect: bool) -> None:
    deployed = source(deploy, TOKEN, {"protect": protect, "create_registry": True})
    for typ in (":Registry", ":StorageAccount", ":keyvault:Vault"):
        assert deployed.one(typ).protected is protect


def test_new_resources_are_in_the_chosen_region_and_a_pipeline_in_its_registrys(
    deploy: Deploy,
) -> None:
    deployed = source(deploy, TOKEN, {"location": "uksouth"}, registry={"location": "northeurope"})
    for typ in (":ResourceGroup", ":StorageAccount", ":keyvault:Vault"):
        assert deployed.one(typ).inputs["location"] == "uksouth"
    assert deployed.one(":containerregistry:ExportPipeline").inputs["location"] == "northeurope"


def test_either_key_of_the_account_can_sign(deploy: Deploy) -> None:
    first, second = (
        source(deploy, TOKEN, {"sas_key": key}).one(SECRET).inputs["properties"]["value"]
        for key in ("key1", AccountKey.KEY2)
    )
    assert first != second
    assert first.partition("sig=")[0] == second.partition("sig=")[0]


@pytest.mark.parametrize(
    ("changes", "differences", "words"),
    [
        (
            [TOKEN, {"storage_account": "data"}],
            {"account": {"allowSharedKeyAccess": False}},
            "To use the pipeline's identity:\n  set storage_access to ManagedIdentity",
        ),
        (
            [TOKEN, {"vault": VAULT}],
            {"vault": {"enableRbacAuthorization": True}},
            "uses RBAC. An access policy has no effect there.\n"
            "To match the vault:\n  set vault_access to rbac",
        ),
        (
            [TOKEN, {"vault": VAULT, "vault_access": VaultAccess.RBAC}],
            {},
            "uses access policies. A role has no effect there.\n"
            "To match the vault:\n  set vault_access to access",
        ),
        (
            [TOKEN, {"storage_account": "data"}],
            {"missing": {"azure-native:storage:getStorageAccount"}},
            "storage account data cannot be read",
        ),
        (
            [TOKEN, {"vault": "theirs"}],
            {"missing": {"azure-native:keyvault:getVault"}},
            "key vault theirs cannot be read",
        ),
        (
            [TOKEN, {"storage_account": "data", "create_container": False}],
            {"missing": {"azure-native:storage:getBlobContainer"}},
            "container transfer cannot be read",
        ),
    ],
)
def test_an_unsuitable_existing_resource_is_an_error_with_its_fix(
    deploy: Deploy, changes: list[dict[str, Any]], differences: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        source(deploy, *changes, **differences)
    assert deploy.last.all(RUN) == []


def test_an_account_that_refuses_keys_works_with_identities(deploy: Deploy) -> None:
    source(deploy, MANAGED, {"storage_account": "data"}, account={"allowSharedKeyAccess": False})


def test_imports_start_with_the_largest_blob_or_with_the_most_artifacts_if_no_size_is_known(
    deploy: Deploy,
) -> None:
    blobs = [
        {"name": "small", "artifacts": ["a:1"], "size": 10},
        {"name": "full", "artifacts": ["a:1", "b:1", "c:1"]},
        {"name": "large", "artifacts": ["a:1"], "size": 1000},
        {"name": "other", "artifacts": ["a:1", "b:1"]},
    ]
    change = {"blobs": blobs, "source_trigger_status": TriggerStatus.DISABLED}
    assert [run["blob"] for run in target(deploy, TOKEN, change).value["runs"]] == [
        *["large", "small", "full", "other"],
    ]


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_every_run_starts_under_any_limit_and_none_depends_on_another(deploy: Deploy, limit: int) -> None:
    many = {"artifacts": [f"app{number}:1" for number in range(200)], "max_concurrent_runs": limit}
    deployed = source(deploy, TOKEN, many)
    runs = deployed.all(RUN)
    assert len(runs) > 4
    assert not [urn for run in runs for urn in run.dependencies if "PipelineRun::" in urn]


def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every warning of a deployment."""
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: warned.append(message))
    return warned


@pytest.mark.parametrize(
    ("hours", "age", "words"),
    [(1, 0, "a run may take 2 hours"), (24, 900, "less than 20 % of its life is left"), (24, 1, "")],
)
@pytest.mark.parametrize("preview", [False, True])
def test_a_deployment_and_its_preview_warn_of_a_token_that_ends_soon(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, hours: int, age: int, words: str, preview: bool
) -> None:
    warned, now = warnings(monkeypatch), datetime.now(UTC)
    expiry = f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
    written = int((now - timedelta(hours=age)).timestamp())
    source(deploy, {"sas_expiry": expiry}, secret={"updated": written}, preview=preview)
    assert bool(warned) is bool(words)
    assert words in "".join(warned)


@pytest.mark.parametrize("arguments", [{**TOKEN, "vault_access": VaultAccess.RBAC}, MANAGED])
def test_runs_wait_for_a_new_role_ten_minutes_by_default(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda message, *_, **__: lines.append(message))
    monkeypatch.setattr(role_delay, "LOG_SECONDS", 0.2)
    began = datetime.now(UTC)
    source(deploy, arguments, role_age=timedelta(seconds=599))
    assert datetime.now(UTC) - began >= timedelta(seconds=1)
    assert "Azure may take 600 s to apply a role assignment, 0 s of them are left." in lines[0]
    assert "role_wait_seconds sets this limit" in lines[0]


@pytest.mark.parametrize(
    ("change", "minutes", "preview"), [({}, 10, False), ({"role_wait_seconds": 0}, 0, False), ({}, 0, True)]
)
def test_nothing_waits_for_an_old_role_without_a_limit_or_in_a_preview(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], minutes: int, preview: bool
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda message, *_, **__: lines.append(message))
    source(deploy, MANAGED, change, role_age=timedelta(minutes=minutes), preview=preview)
    assert lines == []
