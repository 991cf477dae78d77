"""docs/rights.md and docs/roles/*.json are made from the recorded rights of all set-ups and commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acr_transfer.model.roles import RoleAssignmentMode
from acr_transfer.operate import rights
from sandbox.arm.roles import definitions
from tests.rights.commands import COMMANDS
from tests.rights.page import PAGE, ROLES, built_in_roles, page, recorded, rights_of, role_files
from tests.rights.set_ups import SET_UPS, Right, SetUp

DOCUMENT = recorded()


def test_the_page_and_the_roles_are_current() -> None:
    how = "run: .venv/bin/python -m tests.rights"
    assert PAGE.read_text() == page(DOCUMENT), how
    files = {path.name: path.read_text() for path in ROLES.iterdir()}
    assert files == role_files(DOCUMENT), how


def test_every_set_up_and_command_is_recorded() -> None:
    named = {f"{side}: {name}" for side, found in DOCUMENT["deployers"].items() for name in found}
    assert named == {set_up.key for set_up in SET_UPS}
    assert [*DOCUMENT["commands"]] == [command.name for command in COMMANDS]


@pytest.mark.parametrize("path", sorted(ROLES.iterdir()), ids=lambda path: path.stem)
def test_a_custom_role_has_no_wildcard_and_each_action_once(path: Path) -> None:
    role = json.loads(path.read_text())
    actions = [*role["Actions"], *role["DataActions"]]
    assert actions
    assert len(actions) == len(set(actions))
    assert "*" not in "".join(actions)
    verbs = {action.rpartition("/")[2] for action in actions}
    assert verbs <= {"read", "write", "delete", "action"}


def test_the_built_in_roles_of_the_page_have_all_actions() -> None:
    permits = {role.name: role.permits for role in definitions().values()}
    entries = (*DOCUMENT["deployers"].values(), *DOCUMENT["commands"].values())
    places = [kinds for entry in entries for each in entry.values() for kinds in each.values()]
    assert len(places) > 20
    for kinds in places:
        for kind, actions in kinds.items():
            for action, role in actions.items():
                assert permits[role](action, data=kind == "dataActions"), (role, action)


def test_the_smallest_built_in_role_is_chosen() -> None:
    reads: Right = ("registry", "Microsoft.ContainerRegistry/registries/read", False)
    runs: Right = ("registry", "Microsoft.ContainerRegistry/registries/pipelineRuns/write", False)
    assert set(built_in_roles([reads]).values()) == {"Reader"}
    transfer = "Container Registry Transfer Pipeline Contributor"
    assert set(built_in_roles([reads, runs]).values()) == {"Reader", transfer}


def _config(set_up: SetUp) -> dict[str, str]:
    """The configuration of a set-up as a stack file has it."""
    exist = {"storageAccount": "a", "identity": "i"} if set_up.existing else {}
    group = {"createResourceGroup": "true" if set_up.new_group else "false"}
    plain = {key: str(value).lower() if value is True else str(value) for key, value in set_up.config.items()}
    return {**exist, **group, **plain}


@pytest.mark.parametrize("set_up", SET_UPS, ids=lambda set_up: set_up.key)
def test_doctor_knows_the_rights_of_a_stack_by_its_configuration(set_up: SetUp) -> None:
    expected = rights_of(DOCUMENT["deployers"][set_up.side][set_up.name])
    found = {
        (right.place, right.action, right.is_data)
        for right in rights.deployer_rights(set_up.side, _config(set_up))
    }
    # A new group or registry moves the needed rights to another place.
    assert {each[1:] for each in found} == {each[1:] for each in expected}


def test_the_rights_of_the_commands_depend_on_the_keys_of_the_account() -> None:
    by_key, by_token = (
        {right.action for right in rights.operator_rights("target", by_key=by_key)}
        for by_key in (True, False)
    )
    assert "Microsoft.Storage/storageAccounts/listKeys/action" in by_key - by_token
    assert any("/blobs/" in action for action in by_token - by_key)


def test_rights_in_a_registry_with_roles_on_repositories() -> None:
    mode = RoleAssignmentMode.ABAC
    given = rights.operator_rights("source", by_key=True, mode=mode)
    found = {(each.action.partition("/registries/")[2], each.role, each.is_data) for each in given}
    assert ("repositories/content/read", "Container Registry Repository Reader", True) in found
    assert ("catalog/read", "Container Registry Repository Catalog Lister", True) in found
    assert "pull/read" not in {action for action, _, _ in found}
    config = {"registryRoleAssignmentMode": mode.value}
    added = {*rights.deployer_rights("source", config)} - {*rights.deployer_rights("source", {})}
    assert {right.action.rpartition("/")[2] for right in added} == {"read", "write", "delete"}
    assert {(right.place, right.role) for right in added} == {
        ("registry", "Role Based Access Control Administrator")
    }
