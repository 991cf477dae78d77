"""Registries with the mode AbacRepositoryPermissions on both sides, on the real engine, with the commands."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from acr_transfer.model.failures.table import FAILURES
from sandbox.arm import roles
from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import Caller
from tests.sandbox.transfer.side import SandboxSide
from tests.ways_out.azure import Azure
from tests.ways_out.pair import leads_out
from tests.ways_out.printed import printed

MODE = "AbacRepositoryPermissions"
READER, LISTER = "Container Registry Repository Reader", "Container Registry Repository Catalog Lister"
STACKS = ("--source", "r-source", "--target", "r-target")


@pytest.fixture(scope="module")
def project(
    paths: Paths,
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
) -> Project:
    """A deployed pair of stacks: an existing registry at the source, a new one at the target."""
    project = Project.made(tmp_path_factory.mktemp("permissions"), checkout, sandbox_environment)
    side = SandboxSide(paths, "source", "permissions").build()
    side.registry_name = "permissionssource"
    body = {"location": SOURCE.location, "sku": {"name": "Premium"}}
    mode = {"properties": {"roleAssignmentMode": MODE}}
    side.arm("PUT", side.registry_path(), {**body, **mode}, "2025-06-01-preview")
    side.image("team/app", "1")
    registry = {"registry": side.registry_name, "registryResourceGroup": side.name}
    project.source("r-source", ["team/app:1"], **registry, registryRoleAssignmentMode=MODE)
    project.up("r-source")
    created = {"registry": "permissionstarget", "registryResourceGroup": "", "createRegistry": True}
    project.target("r-target", "r-source", **created, registryRoleAssignmentMode=MODE)
    project.up("r-target")
    project.run("acr-transfer", "hop", *STACKS)
    return project


def assigning(project: Project, paths: Paths, *line: str) -> list[str]:
    """Run a command, and after each refusal the one that its message names; returns the assigned roles."""
    assigned: list[str] = []
    while len(assigned) < 4:
        good = not refused(project, *line)
        if good:
            return assigned
        role, guid, scope = named_role(project.said)
        definition = SOURCE if SOURCE.subscription in scope else TARGET
        Existing.of(paths, definition, "permissions").role(scope, guid, definition.operator)
        assigned.append(role)
    raise AssertionError(project.said)


def named_role(said: str) -> tuple[str, str, str]:
    """The role of the command in a refusal, its GUID, and the scope."""
    *_, command = re.findall(r"az role assignment create .*", said)
    words = shlex.split(command)
    role, scope = (words[words.index(option) + 1] for option in ("--role", "--scope"))
    return role, next(guid for guid, each in roles.definitions().items() if each.name == role), scope


def refused(project: Project, *line: str) -> bool:
    """Run a command of acr-transfer; whether a registry refuses its caller."""
    try:
        project.run("acr-transfer", *line)
    except AssertionError:
        assert "az role assignment create" in "".join(project.said.splitlines()[-2:]), project.said[-2000:]
        return True
    return False


@leads_out("registry-refuses")
def test_the_owner_of_both_subscriptions_needs_the_role_that_each_message_names(
    project: Project, paths: Paths
) -> None:
    assert assigning(project, paths, "prove", *STACKS, "--wait", "120") == [READER, READER]
    assert assigning(project, paths, "plan", "--source", "r-source", "--repository", "team/*") == [LISTER]


def test_a_caller_of_a_registry_in_the_other_mode_needs_the_role_that_the_message_names(
    project: Project, paths: Paths
) -> None:
    project.source("r-legacy", ["shop/web:1.0.0"])
    caller = Caller(paths)
    other = replace(project, environment=caller.environment(project.environment))
    place = "resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/contososource"
    registry = f"/subscriptions/{SOURCE.subscription}/{place}"
    caller.assign("source", registry, ["Microsoft.ContainerRegistry/registries/read"], ())
    line = ("acr-transfer", "plan", "--source", "r-legacy", "shop/web:1.0.0", "--dry-run")
    role, guid, scope = named_role(other.run(*line, good=False))
    assert (role, scope) == ("AcrPull", registry)
    caller.assign_role("source", scope, guid)
    other.run(*line)


def test_an_unchanged_pair_stays_unchanged(project: Project) -> None:
    for stack in ("r-source", "r-target"):
        project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes")


def followed(project: Project, failure: str) -> str:
    """Type the commands that doctor has for a failure of the source; what it finds then, without a fault."""
    doctor = ("acr-transfer", "doctor", "--only", "source", "--source", "r-source")
    (_, commands), *_ = printed(project.run(*doctor, good=False), FAILURES[failure])
    for command in commands:
        project.run(*shlex.split(command), *(["--yes"] if command.startswith("pulumi up") else []))
    return project.run(*doctor)


@leads_out("role-assignment-mode")
def test_doctor_names_the_key_if_the_stack_has_another_mode(project: Project) -> None:
    key = "acr-transfer:registryRoleAssignmentMode"
    project.run("pulumi", "config", "set", key, "LegacyRegistryPermissions", "--stack", "r-source")
    assert "the pipeline's identity has its role on the registry" in followed(project, "role-assignment-mode")
    test_an_unchanged_pair_stays_unchanged(project)


@leads_out("repository-role")
def test_doctor_names_the_missing_role_on_the_registry(project: Project, paths: Paths) -> None:
    azure = Azure("source", paths)
    pipeline = azure.ask("GET", project.outputs("r-source")["exportPipelineId"])
    for id in azure.ids("Microsoft.Authorization/roleAssignments"):
        assignment = azure.ask("GET", id)["properties"]
        if assignment["principalId"] == pipeline["identity"]["principalId"]:
            azure.ask("DELETE", id)
    assert "the pipeline's identity has its role on the registry" in followed(project, "repository-role")
    test_an_unchanged_pair_stays_unchanged(project)


def test_doctor_lists_what_nobody_has_confirmed_for_the_set_up(project: Project) -> None:
    said = project.run("acr-transfer", "doctor", "--unconfirmed", *STACKS)
    assert "Does a pipeline need a role on a registry with the mode AbacRepositoryPermissions?" in said
    assert "check: pulumi refresh -s r-source" in said
    assert "check: pulumi refresh -s r-target" in said
    assert "Does a pipeline with ManagedIdentity keep a key vault URI?" not in said
    found = json.loads(project.run("acr-transfer", "doctor", "--unconfirmed", "--json", *STACKS))[
        "unconfirmed"
    ]
    check = next(each["check"] for each in found if (each["side"], each["name"]) == ("target", "run-order"))
    command = shlex.split(check)
    uri = command[command.index("--uri") + 1]
    assert uri.partition("?")[0].endswith("/registries/permissionstarget/pipelineRuns")
    ours = {each["check"] for each in found if each["check"].startswith("acr-transfer")}
    for check in sorted(check for check in ours if "--watch" not in check):
        project.run(*shlex.split(check))
