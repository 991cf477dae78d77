"""Who may do what: identities, roles and keys, by Azure's own clients on both clouds."""

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


def test_an_identity_keeps_its_principal_and_is_spelled_as_azure_spells_it(here: Here) -> None:
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
def test_a_role_on_a_container_lets_in_as_far_as_it_says(
    here: Here, role: str, reads: bool, writes: bool
) -> None:
    account, principal = here.account(allowSharedKeyAccess=False), identity(here).principal_id
    if role:
        assign(here, here.scope(account, "images"), principal, role)
    with here.container(account, bearer(here, principal)) as container:
        assert allowed(lambda: list(container.list_blobs())) is reads
        assert allowed(lambda: container.upload_blob("a", b"1")) is writes


def allowed(work: Any) -> bool:
    """Whether storage lets it happen; any refusal must be the one for a missing right."""
    said = refusal(work)
    assert said in ("", "AuthorizationPermissionMismatch")
    return not said


def test_a_role_is_taken_away_at_once(here: Here) -> None:
    account, principal = here.account(), identity(here).principal_id
    made = assign(here, here.scope(account), principal, roles.BLOB_READER)
    with here.container(account, bearer(here, principal)) as container:
        assert allowed(lambda: list(container.list_blobs()))
        here.client(AuthorizationManagementClient).role_assignments.delete_by_id(made.id)
        assert not allowed(lambda: list(container.list_blobs()))


def test_a_token_of_the_other_cloud_opens_nothing(here: Here) -> None:
    other = next(definition for definition in CLOUDS if definition is not here.definition)
    token = Cloud(other, here.paths).tokens.issue(other.operator, blobs.AUDIENCE)
    with here.container(here.account(), Bearer(token)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "InvalidAuthenticationInfo"


def test_an_account_without_shared_keys_refuses_its_keys(here: Here) -> None:
    account = here.account(allowSharedKeyAccess=False)
    with here.container(account, key_of(here, account)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "KeyBasedAuthenticationNotPermitted"


def key_of(here: Here, account: str, which: int = 0) -> dict[str, str]:
    """One of an account's two keys, as a credential."""
    keys = here.client(StorageManagementClient).storage_accounts.list_keys(GROUP, account)["keys"]
    return {"account_name": account, "account_key": keys[which].value}


def test_a_key_made_anew_ends_the_old_one_and_leaves_the_other(here: Here) -> None:
    account = here.account()
    old, other = key_of(here, account), key_of(here, account, 1)
    storage = here.client(StorageManagementClient)
    storage.storage_accounts.regenerate_key(GROUP, account, {"keyName": "key1"})
    said = {}
    for name, key in (("old", old), ("new", key_of(here, account)), ("other", other)):
        with here.container(account, key) as container:
            said[name] = refusal(lambda container=container: list(container.list_blobs()))
    assert said == {"old": "AuthenticationFailed", "new": "", "other": ""}


def test_a_closed_account_lets_nobody_in(here: Here) -> None:
    account = here.account(publicNetworkAccess="Disabled")
    principal = identity(here).principal_id
    assign(here, here.scope(account), principal, roles.BLOB_CONTRIBUTOR)
    with here.container(account, bearer(here, principal)) as container:
        assert refusal(lambda: list(container.list_blobs())) == "AuthorizationFailure"


def test_an_assignment_that_makes_no_sense_is_refused_in_azures_words(here: Here) -> None:
    scope, principal = here.scope(here.account()), identity(here).principal_id
    assign(here, scope, principal, roles.BLOB_READER)
    assert refusal(lambda: assign(here, scope, principal, roles.BLOB_READER)) == "RoleAssignmentExists"
    assert refusal(lambda: assign(here, scope, str(uuid.uuid4()), roles.BLOB_READER)) == "PrincipalNotFound"


def test_assignments_are_found_at_their_scope_and_below(here: Here) -> None:
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
