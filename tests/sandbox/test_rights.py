"""Who may do what: identities, roles and keys, by Azure's own clients on both clouds."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient

from sandbox import blobs, roles
from sandbox.cloud import Cloud
from sandbox.facts import CLOUDS, CloudFacts
from sandbox.places import CHECKOUT, Places

GROUP = "images"


@dataclass
class Here:
    """One cloud as an administrator of it has it at hand."""

    facts: CloudFacts
    places: Places
    said: dict[str, Any]
    credential: ManagedIdentityCredential

    def client(self, kind: type[Any], *more: Any) -> Any:
        """One of Azure's management clients, pointed at this cloud."""
        scopes = [f"{self.said['arm']}/.default"]
        return kind(
            self.credential,
            self.facts.subscription,
            *more,
            base_url=self.said["arm"],
            credential_scopes=scopes,
            connection_verify=self.said["ca"],
        )

    def account(self, **properties: Any) -> str:
        """A storage account of the test's own with a container `images`; its name."""
        storage = self.client(StorageManagementClient)
        name = f"rights{uuid.uuid4().hex[:12]}"
        body = {
            "location": self.facts.location,
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": properties,
        }
        storage.storage_accounts.begin_create(GROUP, name, body).result()
        storage.blob_containers.create(GROUP, name, "images", {})
        return name

    def container(self, account: str, credential: Any) -> ContainerClient:
        """The container of an account, opened with this credential."""
        url = f"{self.said['accounts'].get(account, {}).get('blob') or self.blob_url(account)}images"
        return ContainerClient.from_container_url(
            url, credential=credential, connection_verify=self.said["ca"]
        )

    def blob_url(self, account: str) -> str:
        """The account's endpoint, as ARM answers it."""
        found = self.client(StorageManagementClient).storage_accounts.get_properties(GROUP, account)
        return str(found.primary_endpoints.blob)

    def scope(self, account: str, container: str = "") -> str:
        """The ID of an account, or of a container in it."""
        base = f"/subscriptions/{self.facts.subscription}/resourceGroups/{GROUP}/providers"
        below = f"/blobServices/default/containers/{container}" if container else ""
        return f"{base}/Microsoft.Storage/storageAccounts/{account}{below}"


@pytest.fixture(scope="module", params=CLOUDS, ids=lambda facts: facts.side)
def here(request: pytest.FixtureRequest, places: Places, sandbox_environment: dict[str, str]) -> Any:
    """Each of the two clouds in turn."""
    command = [sys.executable, "-m", "sandbox", "status", "--json"]
    said = json.loads(subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True).stdout)
    patch = pytest.MonkeyPatch()
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        patch.setenv(name, sandbox_environment[name])
    with ManagedIdentityCredential() as credential:
        yield Here(request.param, places, said["clouds"][request.param.side], credential)
    patch.undo()


def identity(here: Here) -> Any:
    """A new user-assigned identity."""
    msi = here.client(ManagedServiceIdentityClient)
    name = f"identity-{uuid.uuid4().hex[:8]}"
    return msi.user_assigned_identities.create_or_update(GROUP, name, {"location": here.facts.location})


def assign(here: Here, scope: str, principal: str, role: str) -> Any:
    """Give a role; the answer of the client."""
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {
        "roleDefinitionId": definition,
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }
    client = here.client(AuthorizationManagementClient)
    return client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": properties})


def bearer(here: Here, principal: str) -> Bearer:
    """A token for blobs of any principal of this cloud."""
    return Bearer(Cloud(here.facts, here.places).tokens.issue(principal, blobs.AUDIENCE))


class Bearer:
    """A credential that holds one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> Any:
        return AccessToken(self._token, 4_000_000_000)


def test_an_identity_keeps_its_principal_and_is_spelled_as_azure_spells_it(here: Here) -> None:
    made = identity(here)
    msi = here.client(ManagedServiceIdentityClient)
    again = msi.user_assigned_identities.create_or_update(GROUP, made.name, {"location": here.facts.location})
    assert (made.principal_id, made.client_id) == (again.principal_id, again.client_id)
    assert "/resourcegroups/images/" in made.id
    assert made.tenant_id == here.facts.tenant


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


def refusal(work: Any) -> str:
    """What storage or ARM answers to a request that it refuses: the code; empty if it lets it happen."""
    try:
        work()
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or (error.error and error.error.code)
        return str(getattr(code, "value", code))
    return ""


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
    other = next(facts for facts in CLOUDS if facts is not here.facts)
    token = Cloud(other, here.places).tokens.issue(other.operator, blobs.AUDIENCE)
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
    assert said == {"old": "AuthorizationFailure", "new": "", "other": ""}


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
        f"/subscriptions/{here.facts.subscription}",
    ):
        found = client.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")
        assert [each.principal_id for each in found] == [principal]
    names = {each.role_name for each in client.role_definitions.list(here.scope(account))}
    assert "Storage Blob Data Reader" in names
