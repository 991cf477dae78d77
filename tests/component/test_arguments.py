"""The arguments of the components: checked, passed on, and taken from other resources."""

from __future__ import annotations

from typing import Any, cast

import pulumi
import pytest
from pulumi import Output, ResourceOptions
from pulumi_azure_native import keyvault, managedidentity, storage
from pulumi_azure_native.provider import Provider

from components import (
    ExportPipeline,
    ImportPipeline,
    PipelineRuns,
    SasSecret,
    SourceSide,
    SourceSideArgs,
    Storage,
    StorageArgs,
    Vault,
    VaultArgs,
)
from components.argument_rules import RULES, ArgumentError
from components.pipelines.preview_api import EXPORT_PIPELINE, PACKAGE
from tests.component.mock_azure import SECRET, Deploy, Deployed

GOOD = {
    "resource_group": "acr-transfer",
    "registry": "contoso",
    "registry_resource_group": "images",
    "sas_expiry": "2099-12-31T00:00:00Z",
    "artifacts": ["app:1"],
}
MANAGED = {"storage_access": "ManagedIdentity", "sas_expiry": ""}
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/contosodata"
IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mover"
)


def source(deploy: Deploy, opts: ResourceOptions | None = None, /, **changes: Any) -> Deployed:
    given = cast(SourceSideArgs, {**GOOD, **changes})
    return deploy(lambda: SourceSide("transfer", given, opts).outputs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"registry": "a-b"}, "registry is 'a-b'; expected 5 to 50 letters and digits: the name, not"),
        ({"registry": ""}, "registry is missing; expected a value"),
        ({"sas_warning": float("inf")}, "sas_warning is inf; expected a whole number"),
        ({"regsitry": "contoso"}, "regsitry is not an argument"),
        ({"container": "Upper"}, "container is 'Upper'; expected 3 to 63 lower case"),
        ({"registry_resource_group": ""}, "registry_resource_group is missing; expected the registry's"),
        ({"sas_expiry": ""}, "sas_expiry is missing; expected a time with its"),
        ({"sas_expiry": "tomorrow"}, "sas_expiry is 'tomorrow'; expected a time with its"),
        (
            {"registry_role_assignment_mode": "abac"},
            "'abac'; expected LegacyRegistryPermissions or AbacRepositoryPermissions",
        ),
        ({"vault_access": "acl"}, "vault_access is 'acl'; expected accessPolicy or rbac"),
        ({"blob_retention_days": 0}, "blob_retention_days is 0; expected a whole number from 1 to 3650"),
        ({"max_concurrent_runs": 1.5}, "max_concurrent_runs is 1.5; expected a whole number"),
        ({"protect": "on"}, "protect is 'on'; expected true or false"),
        ({"tags": ["owner"]}, "tags is ['owner']; expected a map of text"),
        ({"options": ["OverwriteTags"]}, "options[0] is 'OverwriteTags'; expected OverwriteBlobs, "),
        ({"artifacts": ["App:1"]}, "artifacts[0] is 'App:1', which has upper case"),
        ({"artifacts": ["app", "app:latest"]}, "artifacts[1] is 'app:latest'; expected each item once"),
        ({"lock": "my.lock.json"}, "lock is 'my.lock.json'; expected no value next to artifacts"),
        ({"identity": ACCOUNT}, "not of a Microsoft.Storage/storageAccounts"),
        ({"create_identity": True, "identity": IDENTITY}, "create_identity is true; expected false"),
        ({"create_container": False}, "expected true: a new storage account has no container yet"),
        ({"vault": "theirs", "new_vault_name": "ours"}, "new_vault_name is 'ours'; expected no value"),
        ({"vault_addresses": ["my-office"]}, "vault_addresses[0] is 'my-office'; expected an IPv4 address"),
        ({"vault_addresses": ["0:0:0:0:0:0:0:1"]}, "is '0:0:0:0:0:0:0:1'; expected an IPv4 address"),
        ({"vault_addresses": "203.0.113.7"}, "vault_addresses[0] is '203.0.113.7'; expected a list"),
        ({"vault_addresses": [], "create_identity": True}, "vault_addresses is []; expected no value: a"),
        ({"vault_addresses": [], "vault": "theirs"}, "vault_addresses is []; expected no value: an existing"),
        ({**MANAGED, "vault_addresses": []}, "vault_addresses is []; expected no value: ManagedIdentity"),
        ({**MANAGED, "sas_key": "key2"}, "sas_key is 'key2'; expected no value: ManagedIdentity uses"),
    ],
)
def test_an_invalid_argument_is_an_error_with_its_name_before_anything_is_created(
    deploy: Deploy, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ArgumentError) as raised:
        source(deploy, **change)
    assert str(raised.value).startswith("The arguments of SourceSide transfer are invalid:\n  ")
    assert words in str(raised.value)
    assert "pulumi config" not in str(raised.value)
    assert deploy.last.custom == []


def test_all_faults_of_the_arguments_are_in_one_message(deploy: Deploy) -> None:
    with pytest.raises(ArgumentError) as raised:
        source(deploy, registry="no", pipeline="no", sas_expiry="never", artifacts=["A", "B"])
    assert len(str(raised.value).splitlines()) == 6


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (Storage, "resource_group is missing"),
        (Vault, "resource_group is missing"),
        (SasSecret, "storage_account is missing"),
        (ExportPipeline, "sas_secret_uri is missing; expected a value: SasToken needs it"),
        (ImportPipeline, "container_url is missing"),
        (PipelineRuns, "pipeline_id is missing"),
    ],
)
def test_every_part_checks_its_own_arguments(deploy: Deploy, component: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        deploy(lambda: component("part", {}))


def test_every_argument_with_one_value_has_a_rule() -> None:
    others = {"artifacts", "options", "lock", "blobs", "vault_addresses"}
    assert set(SourceSideArgs.__annotations__) - others <= RULES.keys()


def test_a_choice_can_be_given_as_text(deploy: Deploy) -> None:
    deployed = source(deploy, vault_access="rbac", sas_key="key2")
    assert deployed.one(":keyvault:Vault").inputs["properties"]["enableRbacAuthorization"] is True
    assert len(deployed.all(":RoleAssignment")) == 1


def test_every_new_resource_that_can_have_tags_gets_them(deploy: Deploy) -> None:
    tags = {"owner": "platform"}
    deployed = source(deploy, tags=tags, create_identity=True, create_registry=True)
    kinds = (":ResourceGroup", ":Registry", ":StorageAccount", ":keyvault:Vault", ":UserAssignedIdentity")
    assert [deployed.one(kind).inputs["tags"] for kind in kinds] == [tags] * len(kinds)
    assert deployed.one(SECRET).inputs["tags"] == {**tags, **source(deploy).one(SECRET).inputs["tags"]}


def test_names_of_a_new_account_and_vault_can_be_chosen(deploy: Deploy) -> None:
    deployed = source(deploy, new_storage_account_name="contosodata", new_vault_name="contoso-vault")
    assert deployed.one(":StorageAccount").inputs["accountName"] == "contosodata"
    assert deployed.one(":keyvault:Vault").inputs["vaultName"] == "contoso-vault"
    assert deployed.all(":RandomString") == []


def test_existing_resources_can_be_created_by_the_same_program(deploy: Deploy) -> None:
    def program() -> Output[str]:
        account = storage.StorageAccount(
            "own",
            account_name="contosodata",
            resource_group_name="shared",
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
        )
        vault = keyvault.Vault(
            "own",
            vault_name="theirs",
            resource_group_name="shared",
            properties=keyvault.VaultPropertiesArgs(
                tenant_id="t",
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
            ),
        )
        mover = managedidentity.UserAssignedIdentity(
            "own", resource_name_="mover", resource_group_name="shared"
        )
        given = {"storage_account": account.name, "vault": vault.name, "identity": mover.id}
        return SourceSide("transfer", cast(SourceSideArgs, {**GOOD, **given})).container_url

    deployed = deploy(program)
    assert deployed.value == "https://storage.example/contosodata/transfer"
    assert len(deployed.all(":StorageAccount")) == len(deployed.all(":keyvault:Vault")) == 1
    pipeline = deployed.one(":containerregistry:ExportPipeline").inputs
    assert pipeline["identity"]["userAssignedIdentities"] == {"/UserAssignedIdentity/own": {}}


@pytest.mark.parametrize("is_output", [False, True], ids=["text", "output"])
@pytest.mark.parametrize("given", [ACCOUNT, "contosodata"], ids=["ID", "name"])
def test_storage_can_be_used_by_itself(deploy: Deploy, given: str, is_output: bool) -> None:
    account = Output.from_input(given) if is_output else given
    args = StorageArgs(resource_group="mine", storage_account=account)
    deployed = deploy(lambda: Storage("box", args).storage_account_resource_group)
    assert deployed.value == ("g" if given == ACCOUNT else "mine")


def test_a_vault_can_be_used_by_itself(deploy: Deploy) -> None:
    deployed = deploy(lambda: Vault("keys", VaultArgs(resource_group="mine")).vault_urn)
    assert deployed.value.endswith("azure-native:keyvault:Vault::keys")


def provider() -> Provider:
    return Provider(
        "other", subscription_id="other-subscription", environment="usgovernment", client_secret="hidden"
    )


@pytest.mark.parametrize("mode", [{}, MANAGED], ids=["token", "no token"])
def test_an_explicit_provider_creates_every_resource(deploy: Deploy, mode: dict[str, Any]) -> None:
    given = cast(SourceSideArgs, {**GOOD, **mode})
    deployed = deploy(lambda: SourceSide("transfer", given, ResourceOptions(provider=provider())).outputs)
    providers = {each.provider for each in deployed.made if each.typ.startswith("azure-native:")}
    assert providers == {"other"}


def test_a_pipeline_of_the_preview_api_has_the_settings_of_the_explicit_provider(deploy: Deploy) -> None:
    given = cast(SourceSideArgs, {**GOOD, **MANAGED})
    deployed = deploy(lambda: SourceSide("transfer", given, ResourceOptions(provider=provider())).outputs)
    created = deployed.one(f"pulumi:providers:{PACKAGE}")
    assert deployed.one(EXPORT_PIPELINE).provider == created.name
    assert created.inputs == {
        "subscriptionId": "other-subscription",
        "environment": "usgovernment",
        "clientSecret": "hidden",
    }
    assert "clientSecret" in created.secret_paths


def test_without_an_explicit_provider_it_has_those_of_the_stacks_configuration(deploy: Deploy) -> None:
    pulumi.runtime.set_all_config({"azure-native:subscriptionId": "configured"})
    created = source(deploy, **MANAGED).one(f"pulumi:providers:{PACKAGE}")
    pulumi.runtime.set_all_config({})
    assert created.inputs == {"subscriptionId": "configured"}
