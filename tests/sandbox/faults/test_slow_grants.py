"""A new role assignment can take a while, at every door; `fault grants` says how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.mgmt.storage import StorageManagementClient

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.faults.control import slow_grants
from sandbox.storage import blobs
from tests.sandbox.here import GROUP, Bearer, Here, acting_as, assign, identity, refusal

AN_HOUR = 3600.0


def doors(here: Here, made: Any, account: str) -> dict[str, Callable[[], str]]:
    """What an identity is refused with at management endpoint and storage; empty where it is let in."""
    token = Bearer(Cloud(here.facts, here.places).tokens.issue(made.principal_id, blobs.AUDIENCE))

    def management() -> str:
        with acting_as(here, made) as other:
            client = other.client(StorageManagementClient).storage_accounts
            return refusal(lambda: client.get_properties(GROUP, account))

    def storage() -> str:
        with here.container(account, token) as container:
            return refusal(lambda: list(container.list_blobs()))

    return {"management": management, "storage": storage}


REFUSED = {"management": "AuthorizationFailed", "storage": "AuthorizationPermissionMismatch"}
LET_IN = {"management": "", "storage": ""}


def said(doors: dict[str, Callable[[], str]]) -> dict[str, str]:
    return {name: ask() for name, ask in doors.items()}


@pytest.fixture
def waiting(here: Here) -> Callable[[], dict[str, str]]:
    """Asks at both doors as an identity that has just been given its roles."""
    account, made = here.account(), identity(here)
    for role in (roles.READER, roles.BLOB_READER):
        assign(here, here.scope(account), made.principal_id, role)
    asked = doors(here, made, account)
    return lambda: said(asked)


@pytest.fixture
def slow(here: Here) -> Any:
    return lambda seconds: slow_grants(here.places, here.facts.side, seconds)


def test_a_grant_is_not_in_force_before_its_time_and_is_once_nobody_waits(
    here: Here, slow: Any, request: pytest.FixtureRequest
) -> None:
    with slow(AN_HOUR):
        ask = request.getfixturevalue("waiting")
        assert ask() == REFUSED
    assert ask() == LET_IN


def test_a_grant_comes_into_force_by_itself(here: Here, slow: Any, request: pytest.FixtureRequest) -> None:
    with slow(2.0):
        ask = request.getfixturevalue("waiting")
        for _ in range(600):
            if ask() == LET_IN:
                return
            time.sleep(0.1)
    raise AssertionError("the grant never came into force")


def test_older_grants_stay_in_force(slow: Any, waiting: Callable[[], dict[str, str]]) -> None:
    with slow(AN_HOUR):
        assert waiting() == LET_IN
