"""Delayed role assignments (`fault grants`) take effect late at every endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.mgmt.storage import StorageManagementClient

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.storage import blobs
from tests.sandbox.faults.control import slow_grants
from tests.sandbox.here import GROUP, Bearer, Here, acting_as, assign, identity, refusal

AN_HOUR = 3600.0


def requests_of(here: Here, principal: Any, account: str) -> dict[str, Callable[[], str]]:
    """An identity's error at Azure Resource Manager and storage; empty if it has access."""
    token = Bearer(Cloud(here.definition, here.paths).tokens.issue(principal.principal_id, blobs.AUDIENCE))

    def management() -> str:
        with acting_as(here, principal) as other:
            client = other.client(StorageManagementClient).storage_accounts
            return refusal(lambda: client.get_properties(GROUP, account))

    def storage() -> str:
        with here.container(account, token) as container:
            return refusal(lambda: list(container.list_blobs()))

    return {"management": management, "storage": storage}


REFUSED = {"management": "AuthorizationFailed", "storage": "AuthorizationPermissionMismatch"}
ALLOWED = {"management": "", "storage": ""}


def errors(requests: dict[str, Callable[[], str]]) -> dict[str, str]:
    return {name: send() for name, send in requests.items()}


@pytest.fixture
def access_errors(here: Here) -> Callable[[], dict[str, str]]:
    """Sends both requests as an identity with new role assignments."""
    account, principal = here.account(), identity(here)
    for role in (roles.READER, roles.BLOB_READER):
        assign(here, here.scope(account), principal.principal_id, role)
    requests = requests_of(here, principal, account)
    return lambda: errors(requests)


@pytest.fixture
def slow(here: Here) -> Any:
    return lambda seconds: slow_grants(here.paths, here.definition.side, seconds)


def test_a_role_assignment_is_delayed_until_the_delay_is_removed(
    here: Here, slow: Any, request: pytest.FixtureRequest
) -> None:
    with slow(AN_HOUR):
        send = request.getfixturevalue("access_errors")
        assert send() == REFUSED
    assert send() == ALLOWED


def test_a_delayed_role_assignment_takes_effect_by_itself(
    here: Here, slow: Any, request: pytest.FixtureRequest
) -> None:
    with slow(2.0):
        send = request.getfixturevalue("access_errors")
        for _ in range(600):
            if send() == ALLOWED:
                return
            time.sleep(0.1)
    raise AssertionError("the role assignment did not take effect")


def test_existing_role_assignments_remain_in_effect(
    slow: Any, access_errors: Callable[[], dict[str, str]]
) -> None:
    with slow(AN_HOUR):
        assert access_errors() == ALLOWED
