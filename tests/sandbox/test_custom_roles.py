"""Custom roles, and the rights that they give on requests of every kind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from sandbox.cloud.cloud import Cloud
from sandbox.storage.blobs import SERVICES
from tests.sandbox.faults import control
from tests.sandbox.here import GROUP, Here, acting_as, assign, bearer, identity, refusal

VERSION = "2023-01-01-preview"
ACCOUNTS = "Microsoft.Storage/storageAccounts"
REGISTRIES = "Microsoft.ContainerRegistry/registries"


def role(here: Here, **permission: list[str]) -> str:
    """Create a custom role; returns its GUID."""
    client, guid = here.client(AuthorizationManagementClient), str(uuid.uuid4())
    scope = f"/subscriptions/{here.definition.subscription}"
    properties = {"roleName": f"Custom {guid}", "permissions": [permission], "assignableScopes": [scope]}
    client.role_definitions.create_or_update(scope, guid, {"properties": properties})
    return guid


def test_a_custom_role_permits_its_actions_without_its_not_actions(here: Here) -> None:
    account, made = here.account(), identity(here)
    guid = role(here, actions=[f"{ACCOUNTS}/*"], notActions=[f"{ACCOUNTS}/listKeys/action"])
    assign(here, here.scope(account), made.principal_id, guid)
    with acting_as(here, made) as other:
        storage = other.client(StorageManagementClient).storage_accounts
        assert refusal(lambda: storage.get_properties(GROUP, account)) == ""
        assert refusal(lambda: storage.list_keys(GROUP, account)) == "AuthorizationFailed"


@pytest.mark.parametrize(
    ("permission", "may"),
    [
        ({"dataActions": [f"{SERVICES}/containers/blobs/read"]}, {"list", "read"}),
        ({"dataActions": [f"{SERVICES}/containers/blobs/write"]}, {"write"}),
        ({"dataActions": [f"{SERVICES}/containers/blobs/delete"]}, {"delete"}),
        ({"actions": [f"{SERVICES}/containers/read"]}, {"properties"}),
        ({"actions": ["*"]}, {"properties"}),
        (
            {
                "dataActions": [f"{SERVICES}/containers/blobs/*"],
                "notDataActions": [f"{SERVICES}/containers/blobs/delete"],
            },
            {"list", "read", "write"},
        ),
    ],
)
def test_each_request_for_blobs_needs_its_own_data_action(
    here: Here, permission: dict[str, list[str]], may: set[str]
) -> None:
    account, principal = here.account(), identity(here).principal_id
    with here.container(account, key(here, account)) as container:
        container.upload_blob("a", b"1")
    assign(here, here.scope(account, "images"), principal, role(here, **permission))
    with here.container(account, bearer(here, principal)) as container:
        work: dict[str, Any] = {
            "properties": container.get_container_properties,
            "list": lambda: list(container.list_blobs()),
            "read": lambda: container.download_blob("a").readall(),
            "write": lambda: container.upload_blob("b", b"1"),
            "delete": lambda: container.delete_blob("a"),
        }
        assert {name for name, each in work.items() if not refusal(each)} == may


def key(here: Here, account: str) -> dict[str, str]:
    """A key of an account, as a credential."""
    keys = here.client(StorageManagementClient).storage_accounts.list_keys(GROUP, account)["keys"]
    return {"account_name": account, "account_key": keys[0].value}


def test_built_in_roles_names_in_use_and_assigned_roles_are_protected(here: Here) -> None:
    client, scope = here.client(AuthorizationManagementClient), here.scope(here.account())
    guid = role(here, actions=["*/read"])
    name = client.role_definitions.get(scope, guid).role_name
    body = {"properties": {"roleName": name, "permissions": [{}], "assignableScopes": [scope]}}

    def put(target: str) -> str:
        return refusal(lambda: client.role_definitions.create_or_update(scope, target, body))

    assert put(str(uuid.uuid4())) == "RoleDefinitionWithSameNameExists"
    assert put("8e3af657-a8ff-443c-a75c-2fe8c4bcb635") == "RoleDefinitionUpdateNotPermitted"
    made = assign(here, scope, identity(here).principal_id, guid)
    assert refusal(lambda: client.role_definitions.delete(scope, guid)) == "RoleDefinitionHasAssignments"
    client.role_assignments.delete_by_id(made.id)
    assert client.role_definitions.delete(scope, guid).role_type == "CustomRole"
    assert refusal(lambda: client.role_definitions.get(scope, guid)) == "RoleDefinitionDoesNotExist"


RUN = [f"{REGISTRIES}/pipelineRuns/read", f"{REGISTRIES}/pipelineRuns/write"]


@pytest.mark.parametrize(
    ("question", "path", "missing"),
    [
        ("run-needs-pipeline", "", f"{REGISTRIES}/exportPipelines/read"),
        ("operation-needs", "/operationStatuses/1", f"{REGISTRIES}/pipelineRuns/operationStatuses/read"),
    ],
)
def test_a_run_needs_rights_that_no_source_states(here: Here, question: str, path: str, missing: str) -> None:
    made, definition = identity(here), here.definition
    group = f"/subscriptions/{definition.subscription}/resourceGroups/{definition.registry_group}"
    scope = f"{group}/providers/{REGISTRIES}/{definition.registry}"
    assign(here, scope, made.principal_id, role(here, actions=RUN))
    body = {"properties": {"request": {"pipelineResourceId": f"{scope}/exportPipelines/none"}}}
    with acting_as(here, made) as other:
        resources = other.client(ResourceManagementClient).resources

        def send() -> Any:
            id = f"{scope}/pipelineRuns/running{path}"
            if path:
                return resources.get_by_id(id, api_version=VERSION)
            return resources.begin_create_or_update_by_id(id, body, api_version=VERSION).result()

        with pytest.raises(HttpResponseError) as refused:
            send()
        assert refused.value.status_code == 403
        assert f"'{missing}'" in str(refused.value)
        with control.choice(here.paths, definition.side, question, "none"):
            assert refusal(send) in ("BadRequest", "OperationNotFound")


def test_the_needed_rights_of_a_caller_are_recorded(here: Here) -> None:
    account, made = here.account(), identity(here)
    with acting_as(here, made) as other:
        refusal(lambda: other.client(StorageManagementClient).storage_accounts.list_keys(GROUP, account))
    with here.container(account, bearer(here, made.principal_id)) as container:
        refusal(lambda: list(container.list_blobs()))
    here.account()  # a change of accounts: storage reports what it checked
    cloud = Cloud(here.definition, here.paths)
    needed = cloud.needed_rights.of(made.principal_id)
    cloud.database.close()
    assert [tuple(right) for right in needed] == [
        (f"{ACCOUNTS}/listKeys/action", here.scope(account), False),
        (f"{SERVICES}/containers/blobs/read", here.scope(account, "images"), True),
    ]
