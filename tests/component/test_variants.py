"""Every way in which a side can be set up, as a table: what is made, what is read, and who may do what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pulumi
import pytest

from components import SourceSide, SourceSideArgs, TargetSide, TargetSideArgs
from components.access import AccountKey, StorageAccess, VaultAccess
from components.choices import TriggerStatus
from components.grants import Role
from components.managed_pipelines import EXPORT_PIPELINE, IMPORT_PIPELINE, PACKAGE
from tests.component.mock_azure import RUN, SECRET, Deploy, Deployed

GROUP = "/subscriptions/s/resourceGroups/data/providers"
ACCOUNT = f"{GROUP}/Microsoft.Storage/storageAccounts/contosodata"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/contoso-vault"
IDENTITY = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mover"
TOKEN = {"sas_expiry": "2099-12-31T00:00:00Z"}
MANAGED = {"storage_access": StorageAccess.MANAGED_IDENTITY}
REGISTRY_GROUP = {"registry_resource_group_name": "images"}
COMMON = {"resource_group_name": "acr-transfer", "registry_name": "contoso"}


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
ALWAYS = ["PipelineRun", "ExportPipeline"]


@dataclass
class Variant:
    """One way to set a source side up, and the custom resources that it is made of."""

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
        "a registry too",
        [TOKEN, {"create_registry": True, "registry_resource_group_name": ""}],
        ["ResourceGroup", "Registry", "BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "a group that is there",
        [TOKEN, {"create_resource_group": False}],
        ["BlobContainer", *ACCOUNT_PARTS, *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "an account that is there",
        [TOKEN, {"storage_account": ACCOUNT}],
        ["ResourceGroup", "BlobContainer", *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "a container that is there",
        [TOKEN, {"storage_account": "contosodata", "create_container": False}],
        ["ResourceGroup", *VAULT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "a vault that is there",
        [TOKEN, {"vault": VAULT}],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, *TOKEN_PARTS, *ALWAYS],
    ),
    Variant(
        "all that is there",
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
        "a role on a vault that is there",
        [TOKEN, {"vault": VAULT, "vault_access": VaultAccess.RBAC}],
        ["ResourceGroup", "BlobContainer", *ACCOUNT_PARTS, "Secret", "RoleAssignment", *ALWAYS],
        {"enableRbacAuthorization": True},
    ),
    Variant(
        "a new identity",
        [TOKEN, {"identity": "create"}],
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
        "no token, a new identity, an account that is there",
        [MANAGED, {"identity": "create", "storage_account": ACCOUNT}],
        ["ResourceGroup", "BlobContainer", "RoleAssignment", PACKAGE, "UserAssignedIdentity", *ALWAYS],
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_side_makes_what_is_not_there_and_nothing_else(deploy: Deploy, variant: Variant) -> None:
    deployed = source(deploy, *variant.args, vault=variant.vault)
    made = Counter(typ.rsplit(":")[-1] for typ in deployed.custom)
    assert made == Counter(variant.made)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_run_waits_for_the_right_whatever_it_is(deploy: Deploy, variant: Variant) -> None:
    run = source(deploy, *variant.args, vault=variant.vault).one(RUN)
    rights = ("AccessPolicy::", "RoleAssignment::")
    assert [urn for urn in run.dependencies if any(right in urn for right in rights)]


def test_without_a_token_there_is_no_secret_and_no_output_of_one(deploy: Deploy) -> None:
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
def test_without_a_token_the_identity_has_the_least_role_on_the_container_alone(
    deploy: Deploy, side: Callable[..., Deployed], change: dict[str, Any], role: Role
) -> None:
    deployed = side(deploy, MANAGED, change)
    given = deployed.one(":RoleAssignment").inputs
    assert given["roleDefinitionId"].endswith(f"/roleDefinitions/{role}")
    assert given["scope"] == "BlobContainer/transfer-staging-storage-container"
    assert (given["principalId"], given["principalType"]) == ("p-1", "ServicePrincipal")


def test_an_rbac_vault_gives_the_role_of_a_reader_of_secrets_at_that_vault(deploy: Deploy) -> None:
    change = {"vault": VAULT, "vault_access": VaultAccess.RBAC}
    given = (
        source(deploy, TOKEN, change, vault={"enableRbacAuthorization": True}).one(":RoleAssignment").inputs
    )
    assert given["roleDefinitionId"].endswith(f"/roleDefinitions/{Role.VAULT_SECRETS_USER}")
    assert f"/{given['scope']}" == f"{GROUP}/Microsoft.KeyVault/vaults/contoso-vault"


@pytest.mark.parametrize("mode", [TOKEN, MANAGED], ids=["token", "no token"])
@pytest.mark.parametrize("identity", ["create", IDENTITY])
def test_a_user_assigned_identity_is_granted_by_its_principal_in_the_map(
    deploy: Deploy, mode: dict[str, Any], identity: str
) -> None:
    deployed = source(deploy, mode, {"identity": identity})
    asked = deployed.one(":containerregistry:ExportPipeline").inputs["identity"]
    id = "/UserAssignedIdentity/transfer-pipeline-identity" if identity == "create" else IDENTITY
    assert asked == {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    granted = [*deployed.all(":AccessPolicy"), *deployed.all(":RoleAssignment")]
    assert "p-user" in str(granted[0].inputs)
    assert len(granted) == 1


def test_a_new_identity_is_where_everything_new_is(deploy: Deploy) -> None:
    made = source(deploy, TOKEN, {"identity": "create"}).one(":UserAssignedIdentity").inputs
    assert (made["resourceGroupName"], made["resourceName"]) == ("acr-transfer", "contoso-exportPipeline")


@pytest.mark.parametrize(
    ("side", "kind", "typed", "end"),
    [
        (source, EXPORT_PIPELINE, "azure-native:containerregistry:ExportPipeline", "target"),
        (target, IMPORT_PIPELINE, "azure-native:containerregistry:ImportPipeline", "source"),
    ],
)
def test_both_ways_are_the_same_pipeline_whose_old_one_goes_first(
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
    for each in (managed, with_token):
        assert each.delete_first
        assert each.replaced_on == [f"{end}.storageAccessMode"]


def test_a_new_account_without_tokens_refuses_keys_and_keeps_what_was_deleted_for_a_week(
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


def test_a_new_vault_is_closed_and_cannot_be_wiped_unless_that_is_chosen(deploy: Deploy) -> None:
    vault = source(deploy, TOKEN).one(":keyvault:Vault").inputs["properties"]
    assert vault["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    assert vault["enablePurgeProtection"] is True
    other = source(deploy, TOKEN, {"purge_protection": False}).one(":keyvault:Vault").inputs["properties"]
    assert "enablePurgeProtection" not in other


def test_a_new_registry_is_premium_and_open_to_nobody_without_a_name(deploy: Deploy) -> None:
    made = source(deploy, TOKEN, {"create_registry": True}).one(":Registry")
    assert made.inputs["sku"] == {"name": "Premium"}
    assert made.inputs["adminUserEnabled"] is made.inputs["anonymousPullEnabled"] is False
    assert made.inputs["resourceGroupName"] == "images"


@pytest.mark.parametrize("protect", [True, False])
def test_what_holds_data_is_protected_on_request(deploy: Deploy, protect: bool) -> None:
    deployed = source(deploy, TOKEN, {"protect": protect, "create_registry": True})
    for typ in (":Registry", ":StorageAccount", ":keyvault:Vault"):
        assert deployed.one(typ).protected is protect


def test_the_region_of_everything_new_can_be_chosen_but_a_pipeline_lives_with_its_registry(
    deploy: Deploy,
) -> None:
    deployed = source(deploy, TOKEN, {"location": "uksouth"}, registry={"location": "northeurope"})
    for typ in (":ResourceGroup", ":StorageAccount", ":keyvault:Vault"):
        assert deployed.one(typ).inputs["location"] == "uksouth"
    assert deployed.one(":containerregistry:ExportPipeline").inputs["location"] == "northeurope"


def test_either_key_of_the_account_can_sign(deploy: Deploy) -> None:
    first, second = (
        source(deploy, TOKEN, {"sas_key": key}).one(SECRET).inputs["properties"]["value"]
        for key in AccountKey
    )
    assert first != second
    assert first.partition("sig=")[0] == second.partition("sig=")[0]


@pytest.mark.parametrize(
    ("changes", "differences", "words"),
    [
        ([TOKEN, {"storage_account": "x"}], {"account": {"allowSharedKeyAccess": False}}, "refuses its keys"),
        ([TOKEN, {"vault": VAULT}], {"vault": {"enableRbacAuthorization": True}}, "vaultAccess rbac"),
        ([TOKEN, {"vault": VAULT, "vault_access": VaultAccess.RBAC}], {}, "vaultAccess accessPolicy"),
        (
            [TOKEN, {"storage_account": "x"}],
            {"missing": {"azure-native:storage:getStorageAccount"}},
            "storage account x cannot be read",
        ),
        (
            [TOKEN, {"vault": "x"}],
            {"missing": {"azure-native:keyvault:getVault"}},
            "key vault x cannot be read",
        ),
        (
            [TOKEN, {"storage_account": "x", "create_container": False}],
            {"missing": {"azure-native:storage:getBlobContainer"}},
            "container cannot be read",
        ),
    ],
)
def test_what_is_there_and_is_of_no_use_is_refused_with_what_to_do(
    deploy: Deploy, changes: list[dict[str, Any]], differences: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        source(deploy, *changes, **differences)
    assert deploy.last.all(RUN) == []


def test_an_account_that_refuses_keys_is_good_for_identities(deploy: Deploy) -> None:
    source(deploy, MANAGED, {"storage_account": "x"}, account={"allowSharedKeyAccess": False})


def test_imports_begin_with_the_largest_blob_and_where_no_size_is_known_with_the_fullest(
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
def test_every_run_is_made_whatever_the_limit_and_none_depends_on_another(deploy: Deploy, limit: int) -> None:
    many = {"artifacts": [f"app{number}:1" for number in range(200)], "max_concurrent_runs": limit}
    deployed = source(deploy, TOKEN, many)
    runs = deployed.all(RUN)
    assert len(runs) > 4
    assert not [urn for run in runs for urn in run.dependencies if "PipelineRun::" in urn]


def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every warning of a deployment."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: said.append(message))
    return said


@pytest.mark.parametrize(
    ("hours", "age", "words"),
    [(1, 0, "a run may take 2 hours"), (24, 900, "less than 20 % of its life is left"), (24, 1, "")],
)
@pytest.mark.parametrize("preview", [False, True])
def test_a_deployment_and_its_preview_say_that_a_token_nears_its_end(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, hours: int, age: int, words: str, preview: bool
) -> None:
    said, now = told(monkeypatch), datetime.now(UTC)
    expiry = f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
    written = int((now - timedelta(hours=age)).timestamp())
    source(deploy, {"sas_expiry": expiry}, secret={"updated": written}, preview=preview)
    assert bool(said) is bool(words)
    assert words in "".join(said)
