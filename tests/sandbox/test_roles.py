"""The permissions of roles on the management endpoint, in vaults and in registries."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.storage import blobs
from tests.sandbox.faults import control
from tests.sandbox.here import GROUP, Bearer, Here, acting_as, assign, identity, refusal

VERSION = "2023-01-01-preview"


MAY = {
    "no role": ("", set()),
    "Reader": (roles.READER, {"read"}),
    "Contributor": (roles.CONTRIBUTOR, {"read", "write", "list keys", "delete"}),
    "Owner": (roles.OWNER, {"read", "write", "list keys", "delete", "grant"}),
    "User Access Administrator": ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", {"read", "grant"}),
    "Storage Blob Data Contributor": (roles.BLOB_CONTRIBUTOR, set()),
}


@pytest.mark.parametrize("case", MAY)
def test_a_role_permits_exactly_its_published_actions(here: Here, case: str) -> None:
    role, expected = MAY[case]
    account, made = here.account(), identity(here)
    scope = here.scope(account)
    if role:
        assign(here, scope, made.principal_id, role)
    with acting_as(here, made) as other:
        storage = other.client(StorageManagementClient).storage_accounts
        work: dict[str, Callable[[], Any]] = {
            "read": lambda: storage.get_properties(GROUP, account),
            "write": lambda: storage.begin_create(GROUP, account, _account(here)).result(),
            "list keys": lambda: storage.list_keys(GROUP, account),
            "grant": lambda: assign(other, scope, made.principal_id, roles.ACR_PULL),
            "delete": lambda: storage.delete(GROUP, account),
        }
        codes = {name: refusal(each) for name, each in work.items()}
    assert {name for name, code in codes.items() if not code} == expected
    assert set(codes.values()) <= {"", "AuthorizationFailed"}


def _account(here: Here) -> dict[str, Any]:
    return {"location": here.definition.location, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}


def test_a_refusal_contains_the_caller_the_action_and_the_scope(here: Here) -> None:
    account, made = here.account(), identity(here)
    with acting_as(here, made) as other, pytest.raises(HttpResponseError) as refused:
        other.client(StorageManagementClient).storage_accounts.list_keys(GROUP, account)
    assert refused.value.status_code == 403
    assert refused.value.error is not None
    assert refused.value.error.message == (
        f"The client '{made.principal_id}' with object id '{made.principal_id}' does not have authorization "
        "to perform action 'Microsoft.Storage/storageAccounts/listKeys/action' over scope "
        f"'{here.scope(account)}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials."
    )


def test_a_list_is_refused_or_contains_only_readable_resources(here: Here) -> None:
    mine, _, made = here.account(), here.account(), identity(here)
    assign(here, here.scope(mine), made.principal_id, roles.READER)
    with acting_as(here, made) as other:
        listed = other.client(StorageManagementClient).storage_accounts.list
        assert refusal(lambda: list(listed())) == "AuthorizationFailed"
        with control.choice(here.paths, here.definition.side, "list-needs", "none"):
            assert [each.name for each in listed()] == [mine]
        assert list(other.client(ResourceManagementClient).resource_groups.list()) == []
    everything = {each.name for each in here.client(StorageManagementClient).storage_accounts.list()}
    assert mine in everything
    assert len(everything) > 1


def test_permissions_of_a_resource_are_the_callers(here: Here) -> None:
    account, made = here.account(), identity(here)
    assign(here, here.scope(account), made.principal_id, roles.READER)
    with acting_as(here, made) as other:
        permissions = other.client(AuthorizationManagementClient).permissions
        place = (GROUP, "Microsoft.Storage", "", "storageAccounts")
        assert [each.actions for each in permissions.list_for_resource(*place, account)] == [["*/read"]]
        assert list(permissions.list_for_resource(*place, here.account())) == []


def test_a_pipeline_gets_an_identity_only_from_a_caller_who_may_assign_it(here: Here) -> None:
    caller, given = identity(here), identity(here)
    base = f"/subscriptions/{here.definition.subscription}/resourceGroups"
    registry = f"{base}/{here.definition.registry_group}/providers/Microsoft.ContainerRegistry"
    scope = f"{registry}/registries/{here.definition.registry}"
    assign(here, scope, caller.principal_id, "bf94e731-3a51-4a7c-8c54-a1ab9971dfc1")
    name = f"import{uuid.uuid4().hex[:8]}"
    source = {"uri": "https://account.invalid/transfer", "keyVaultUri": "https://vault.invalid/secrets/sas"}
    body = {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {given.id: {}}},
        "properties": {"source": source},
    }
    with acting_as(here, caller) as other:
        resources = other.client(ResourceManagementClient).resources

        def put() -> Any:
            pipeline = f"{scope}/importPipelines/{name}"
            return resources.begin_create_or_update_by_id(pipeline, body, api_version=VERSION).result()

        assert refusal(put) == "LinkedAuthorizationFailed"
        assign(here, given.id, caller.principal_id, "f1a07417-d97a-45cb-824c-7a7467783830")
        assert put().name == name
        resources.begin_delete_by_id(f"{scope}/importPipelines/{name}", api_version=VERSION).result()


def _vault(here: Here, *, by_role: bool) -> tuple[str, str]:
    """A vault with a secret `sas`: its ID and address."""
    name = f"rights-{uuid.uuid4().hex[:12]}"
    properties = {
        "tenantId": here.definition.tenant,
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enableRbacAuthorization": by_role,
    }
    body = {"location": here.definition.location, "properties": properties}
    client = here.client(KeyVaultManagementClient, api_version="2024-11-01")
    made = client.vaults.begin_create_or_update(GROUP, name, body).result()
    client.secrets.create_or_update(GROUP, name, "sas", {"properties": {"value": "canary"}})
    return made.id, made.properties.vault_uri


VAULT_ROLES = {
    "Owner": (roles.OWNER, ""),
    "Contributor": (roles.CONTRIBUTOR, ""),
    "Key Vault Contributor": ("f25e0fa2-a7c8-4377-a976-54943a77a395", ""),
    "Key Vault Secrets User": (roles.SECRETS_USER, "r"),
    "Key Vault Secrets Officer": (roles.SECRETS_OFFICER, "rw"),
    "Key Vault Administrator": ("00482a5a-887f-4fb3-b363-3b7fe8e74483", "rw"),
}


@pytest.fixture(scope="module")
def vaults(here: Here) -> dict[bool, tuple[str, str]]:
    """Two vaults: one with RBAC, one with access policies."""
    return {by_role: _vault(here, by_role=by_role) for by_role in (True, False)}


@pytest.mark.parametrize("case", VAULT_ROLES)
def test_management_roles_of_a_vault_do_not_permit_reading_secrets(
    here: Here, vaults: dict[bool, tuple[str, str]], case: str
) -> None:
    role, rights = VAULT_ROLES[case]
    permissions = {}
    for by_role, (vault, uri) in vaults.items():
        made = identity(here)
        assign(here, vault, made.principal_id, role)
        with acting_as(here, made) as other, _secrets(other, uri) as secrets:
            reads = not refusal(lambda secrets=secrets: secrets.get_secret("sas"))
            writes = not refusal(lambda secrets=secrets: secrets.set_secret("other", "1"))
        permissions[by_role] = "r" * reads + "w" * writes
    assert permissions == {True: rights, False: ""}


def _secrets(here: Here, uri: str) -> SecretClient:
    return SecretClient(
        uri, here.credential, connection_verify=here.status["ca"], verify_challenge_resource=False
    )


def _other_clouds_token(here: Here, audience: str) -> Bearer:
    other = next(definition for definition in CLOUDS if definition is not here.definition)
    return Bearer(Cloud(other, here.paths).tokens.issue(other.operator, audience))


def test_every_endpoint_refuses_tokens_of_the_other_cloud_and_of_other_audiences(
    here: Here, vaults: dict[bool, tuple[str, str]]
) -> None:
    cloud, account = Cloud(here.definition, here.paths), here.account()
    _, uri = vaults[True]
    server = cloud.login_server(here.definition.registry)

    def management(token: Bearer) -> Any:
        return list(replace(here, credential=token).client(StorageManagementClient).storage_accounts.list())  # type: ignore[arg-type]

    def vault(token: Bearer) -> Any:
        with _secrets(replace(here, credential=token), uri) as secrets:  # type: ignore[arg-type]
            return secrets.get_secret("sas")

    def storage(token: Bearer) -> Any:
        with here.container(account, token) as container:
            return list(container.list_blobs())

    def registry(token: Bearer) -> Any:
        options: Any = {"audience": here.status["arm"], "connection_verify": here.status["ca"]}
        with ContainerRegistryClient(f"https://{server}", token, **options) as client:
            return list(client.list_repository_names())

    endpoints = (
        (management, here.status["arm"] + "/"),
        (vault, here.definition.vault_audience),
        (storage, blobs.AUDIENCE),
        (registry, here.status["arm"] + "/"),
    )
    for endpoint, audience in endpoints:
        for_another_audience = cloud.tokens.issue(here.definition.operator, "https://graph.invalid")
        assert _status(endpoint, _other_clouds_token(here, audience)) == 401
        assert _status(endpoint, Bearer(for_another_audience)) == 401


def _status(endpoint: Callable[[Bearer], Any], token: Bearer) -> int:
    with pytest.raises(HttpResponseError) as refused:
        endpoint(token)
    return int(refused.value.status_code or 0)
