"""Each command is run by a caller with exactly the documented rights, and by none with fewer."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from sandbox.arm.roles import definitions
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import Caller
from tests.rights.commands import COMMANDS, Command, Pair, SideRight, grant_sides, used_sides
from tests.rights.page import command_rights, recorded, set_up_rights
from tests.rights.set_ups import FEW
from tests.rights.share import share
from tests.ways_out.pair import leads_out

DOCUMENT = recorded()
BY_NAME = {command.name: command for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_caller_with_exactly_the_documented_rights_runs_the_command(
    command: Command, pairs: dict[str, Pair], paths: Paths, sandbox_environment: dict[str, str]
) -> None:
    rights, caller, pair = command_rights(DOCUMENT, command.name), Caller(paths), pairs[command.pair]
    grant_sides(caller, pair, rights)
    command.run(pair, caller, sandbox_environment, good=True)
    assert used_sides(caller, pair) == rights


REMOVED: dict[str, tuple[str, SideRight]] = {
    f"{command.name}: {side}: {action}": (command.name, (side, place, action, data))
    for command in COMMANDS
    for side, place, action, data in sorted(command_rights(DOCUMENT, command.name))
}


@pytest.mark.parametrize("case", share([*REMOVED]))
def test_without_one_right_the_command_fails_or_reports_what_is_missing(
    case: str, pairs: dict[str, Pair], paths: Paths, sandbox_environment: dict[str, str]
) -> None:
    name, removed = REMOVED[case]
    command, caller = BY_NAME[name], Caller(paths)
    pair = pairs[command.pair]
    grant_sides(caller, pair, command_rights(DOCUMENT, name) - {removed})
    command.run(pair, caller, sandbox_environment, good=False)


def test_ship_runs_with_the_rights_of_its_parts(
    project: Project, paths: Paths, sandbox_environment: dict[str, str]
) -> None:
    caller, pair = Caller(paths), Pair(project, paths, "shipped")
    for definition in CLOUDS:
        Existing.of(paths, definition, f"tests-{pair.stacks[definition.side]}")
    source, target = pair.stacks.values()
    project.source(source, FEW, createResourceGroup=False)
    project.target(target, source, createResourceGroup=False)
    rights = command_rights(DOCUMENT, "hop, with account keys") | command_rights(DOCUMENT, "prove")
    for side in pair.stacks:
        deploys = set_up_rights(DOCUMENT, side, "SAS token, new vault with access policies")
        rights |= {(side, *right) for right in deploys}
    grant_sides(caller, pair, rights)
    mine = replace(project, environment=caller.environment(sandbox_environment))
    assert "1 of 1 artifacts proved" in mine.run("acr-transfer", "ship", *pair.both, "--wait", "120")


@leads_out("caller-cannot-operate", "caller-cannot-deploy")
@pytest.mark.parametrize("name", ["token", "identity"])
def test_doctor_names_every_missing_action_and_its_commands_heal(
    name: str, pairs: dict[str, Pair], paths: Paths, sandbox_environment: dict[str, str]
) -> None:
    caller, pair = Caller(paths), pairs[name]
    mine = replace(pair.project, environment=caller.environment(sandbox_environment))

    def findings() -> list[dict[str, str]]:
        done = mine.attempt("acr-transfer", "doctor", *pair.both, "--json")
        report, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])
        listed: list[dict[str, str]] = report["findings"]
        return [each for each in listed if each["check"] == "your rights"]

    first = findings()
    operating = [command.name for command in COMMANDS if command.pair == name and command.name != "review"]
    needed = {right for command in operating for right in command_rights(DOCUMENT, command)}
    assert {(side, action) for side, _, action, _ in needed} <= {
        (each["side"], action)
        for each in first
        if each["verdict"] == "fault"
        for action in each["what"].partition(": ")[2].partition("; needed by ")[0].split(", ")
    }
    # A command and `pulumi up` can need the same role.
    for side, fix in dict.fromkeys((each["side"], each["fix"]) for each in first):
        words = shlex.split(fix.replace("<your object ID>", caller.principals[side]))
        options = dict(zip(words[4::2], words[5::2], strict=True))
        role = next(guid for guid, role in definitions().items() if role.name == options["--role"])
        caller.assign_role(side, options["--scope"], role)
    assert findings() == []
    for stack in pair.stacks.values():
        mine.run("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--expect-no-changes")
    mine.run("acr-transfer", "status", *pair.both)
