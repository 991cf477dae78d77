"""Runs wait until Azure applies the roles of their pipeline's identity.

Ten minutes of Azure are ten seconds here.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.arm.roles import READER
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, SOURCE
from sandbox.cloud.paths import Paths
from sandbox.entra import applications
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.sandbox.faults.control import slow_grants

DELAY, WAIT = 5, 10
ARTIFACTS = ["shop/web:1.0.0"]
RBAC = {"vaultAccess": "rbac", "roleWaitSeconds": WAIT}
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": "", "roleWaitSeconds": WAIT}
SOURCES: dict[str, dict[str, Any]] = {
    "delay-rbac": RBAC,
    "delay-rbac-existing": {**RBAC, "vault": "delay-vault"},
    "delay-managed": MANAGED,
    "delay-managed-existing": {**MANAGED, "storageAccount": "delayaccount", "createIdentity": True},
}
ASSIGNED = "Waiting for the role"
_OPERATOR = {"ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "DOCKER_CONFIG"}
"""The variables by which the sandbox's operator signs in."""


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> Iterator[Project]:
    """A project in clouds that apply a role some seconds after its assignment."""
    made = Project.made(tmp_path_factory.mktemp("delay"), checkout, sandbox_environment)
    with ExitStack() as slow:
        for side in ("source", "target"):
            slow.enter_context(slow_grants(paths, side, DELAY))
        yield made


def test_the_first_up_of_every_source_with_roles_succeeds_and_the_second_does_not_wait(
    project: Project, paths: Paths
) -> None:
    group = "tests-delay-rbac-existing"
    Existing.of(paths, SOURCE, group).vault("delay-vault", rbac=True)
    project.source(
        "delay-rbac-existing", ARTIFACTS, **SOURCES["delay-rbac-existing"], createResourceGroup=False
    )
    Existing.of(paths, SOURCE, "tests-delay-managed-existing").account("delayaccount")
    more = {"createResourceGroup": False}
    project.source("delay-managed-existing", ARTIFACTS, **SOURCES["delay-managed-existing"], **more)
    for stack in ("delay-rbac", "delay-managed"):
        project.source(stack, ARTIFACTS, **SOURCES[stack])
    with ThreadPoolExecutor() as threads:
        first = list(threads.map(project.up, SOURCES))
        second = list(threads.map(project.up, SOURCES))
    roles = (*["Key Vault Secrets User"] * 2, *["Storage Blob Data Contributor"] * 2)
    for said, role in zip(first, roles, strict=True):
        assert f"{ASSIGNED} {role} of identity " in said
        assert f"Azure may take {WAIT} s to apply a role assignment" in said
        assert "roleWaitSeconds sets this limit" in said
    assert not [said for said in second if ASSIGNED in said]


def test_an_interrupted_wait_continues_and_an_import_by_identity_succeeds(project: Project) -> None:
    target = project.target(
        "delay-target", "delay-managed", **{**MANAGED, "roleWaitSeconds": 600}, sourceTriggerStatus="Disabled"
    )
    command = ["pulumi", "up", "--stack", target, "--yes", "--skip-preview", "--color", "never"]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout
        assert any(ASSIGNED in line for line in engine.stdout)
        engine.send_signal(signal.SIGINT)
        engine.communicate(timeout=120)
    project.run("pulumi", "config", "set", "acr-transfer:roleWaitSeconds", str(WAIT), "--stack", target)
    project.up(target)
    project.run("acr-transfer", "hop", "--source", "delay-managed", "--target", target)
    project.up(target)
    assert [run["status"] for run in project.outputs(target)["runs"]] == ["Succeeded"]


COMMANDS = {
    "plan": ["plan", "--source", "delay-managed", "--dry-run", *ARTIFACTS],
    "hop": ["hop", "--source", "delay-managed", "--target", "delay-target"],
    "prove": ["prove", "--source", "delay-managed", "--target", "delay-target"],
}
IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
LISTS_ROLES = {"plan": IDENTITY_OPERATOR, "hop": READER, "prove": IDENTITY_OPERATOR}
"""Roles that may list role assignments, and do not permit the command: a Reader may pull images."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_caller_reads_that_its_role_may_be_too_new(
    command: str, project: Project, paths: Paths
) -> None:
    client, secret = str(uuid.uuid4()), secrets.token_hex(16)
    principals = {}
    for definition in CLOUDS:
        cloud = Cloud(definition, paths)
        principals[definition] = applications.add(cloud, client, secret)
        cloud.database.close()
    kept = {name: value for name, value in project.environment.items() if name not in _OPERATOR}
    caller = Project(project.folder, {**kept, "ARM_CLIENT_ID": client, "ARM_CLIENT_SECRET": secret})
    said = caller.run("acr-transfer", *COMMANDS[command], good=False)
    assert "If the caller got its role a short time ago: Azure applies a role within 10 minutes" in said
    for definition, principal in principals.items():
        scope = f"/subscriptions/{definition.subscription}"
        with slow_grants(paths, definition.side, 0):
            Existing.of(paths, definition, "tests-delay-callers").role(scope, LISTS_ROLES[command], principal)
    said = caller.run("acr-transfer", *COMMANDS[command], good=False)
    assert "The likely cause: the caller's newest role is 0 minutes old. Azure applies a role" in said
    assert secret not in said


def test_a_role_that_takes_longer_than_the_limit_is_an_error_and_the_next_up_repeats_the_run(
    project: Project, paths: Paths
) -> None:
    with slow_grants(paths, "source", 3600):
        stack = project.source("delay-late", ARTIFACTS, **{**MANAGED, "roleWaitSeconds": 0})
        said = project.up(stack, good=False)
        assert "AuthorizationPermissionMismatch" in said
        assert "If the role was assigned less than 10 minutes ago, wait, then:" in said
        assert "pulumi config set acr-transfer:roleWaitSeconds <seconds>" in said
    project.up(stack)
    assert [run["status"] for run in project.outputs(stack)["runs"]] == ["Succeeded"]
