"""Permissions of identities, roles and keys, tested with Azure's own clients on both clouds."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.storage import StorageManagementClient

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.storage import blobs
from tests.sandbox.here import GROUP, Bearer, Here, assign, bearer, identity, refusal


def test_an_update_keeps_an_identitys_principal_and_the_id_has_azures_spelling(here: Here) -> None:
    made = identity(here)
    msi = here.client(ManagedServiceIdentityClient)
    again = msi.user_assigned_identities.create_or_update(
        GROUP, made.name, {"location": here.definition.location}
    )
    assert (made.principal_id, made.client_id) == (again.principal_id, again.client_id)
    assert "/resourcegroups/images/" in made.id
    assert made.tenant_id == here.definition.tenant


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("", False, False), (roles.BLOB_READER, True, False), (roles.BLOB_CONTRIBUTOR, True, True)],
    ids=["no role", "reader", "contributor"],
)
def test_a_role_on_a_container_permits_its_data_actions_only(
    here: Here, role: str, reads: bool, writes: bool
) -> None:
    account, principal = here.account(allowSharedKeyAccess=False), identity(here).principal_id
    if role:
        assign(here, here.scope(account, "images"), principal, role)
    with here.container(account, bearer(here, principal)) as container:
        assert allowed(lambda: list(container.list_blobs())) is reads
        assert allowed(lambda: container.upload_blob("a", b"1")) is writes


def allowed(work: Any) -> bool:
    """Whether storage permits it; any other refusal than a missing permission is an error."""
    code = refusal(work)
    assert code in ("", "AuthorizationPermissionMismatch")
    return not code


def test_a_deleted_role_assignment_has_no_effect(here: Here) -> None:
    account, principal = here.account(), identity(here).principal_id
    made = assign(here, here.scope(account), principal, roles.BLOB_READER)
    with here.container(account, bearer(here, principal)) as container:
        assert allowed(lambda: list(container.list_blobs()))
        here.client(AuthorizationManagementClient).role_assignments.delete_by_id(made.id)
        assert not allowed(lambda: list(container.list_blobs()))


def test_storage_refuses_a_token_of_the_other_cloud(here: Here) -> None:
    other = next(definition for definition in CLOUDS if definition is not here.definition)
    token = Cloud(other, here.paths).tokens.issue(other.operator, blobs.AUDIENCE)
    with here.container(here.account(), Bearer(token)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "InvalidAuthenticationInfo"


def test_an_account_without_shared_keys_refuses_its_keys(here: Here) -> None:
    account = here.account(allowSharedKeyAccess=False)
    with here.container(account, key_of(here, account)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "KeyBasedAuthenticationNotPermitted"


def key_of(here: Here, account: str, which: int = 0) -> dict[str, str]:
    """A key of an account, as a credential."""
    keys = here.client(StorageManagementClient).storage_accounts.list_keys(GROUP, account)["keys"]
    return {"account_name": account, "account_key": keys[which].value}


def test_a_regenerated_key_replaces_the_old_one_and_keeps_the_other(here: Here) -> None:
    account = here.account()
    old, other = key_of(here, account), key_of(here, account, 1)
    storage = here.client(StorageManagementClient)
    storage.storage_accounts.regenerate_key(GROUP, account, {"keyName": "key1"})
    codes = {}
    for name, key in (("old", old), ("new", key_of(here, account)), ("other", other)):
        with here.container(account, key) as container:
            codes[name] = refusal(lambda container=container: list(container.list_blobs()))
    assert codes == {"old": "AuthenticationFailed", "new": "", "other": ""}


def test_an_account_that_is_created_again_has_other_keys(here: Here) -> None:
    account = here.account()
    old = key_of(here, account)
    here.client(StorageManagementClient).storage_accounts.delete(GROUP, account)
    assert key_of(here, here.account(account)) != old


def test_an_account_without_public_access_refuses_all_callers(here: Here) -> None:
    account = here.account(publicNetworkAccess="Disabled")
    principal = identity(here).principal_id
    assign(here, here.scope(account), principal, roles.BLOB_CONTRIBUTOR)
    with here.container(account, bearer(here, principal)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "AuthorizationFailure"


def test_an_invalid_role_assignment_gets_azures_error(here: Here) -> None:
    scope, principal = here.scope(here.account()), identity(here).principal_id
    assign(here, scope, principal, roles.BLOB_READER)
    assert refusal(lambda: assign(here, scope, principal, roles.BLOB_READER)) == "RoleAssignmentExists"
    assert refusal(lambda: assign(here, scope, str(uuid.uuid4()), roles.BLOB_READER)) == "PrincipalNotFound"


def test_a_list_of_role_assignments_includes_those_of_parent_scopes(here: Here) -> None:
    account, principal = here.account(), identity(here).principal_id
    assign(here, here.scope(account), principal, roles.BLOB_READER)
    client = here.client(AuthorizationManagementClient)
    for scope in (
        here.scope(account),
        here.scope(account, "images"),
        f"/subscriptions/{here.definition.subscription}",
    ):
        found = client.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")
        assert [each.principal_id for each in found] == [principal]
    names = {each.role_name for each in client.role_definitions.list(here.scope(account))}
    assert "Storage Blob Data Reader" in names
