"""A deployment that is killed while it creates a resource: the printed command takes the resource over."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from pathlib import Path

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault
from tests.sandbox.transfer.side import SandboxSide, until
from tests.ways_out.pair import leads_out

KILLS = {
    "SasToken": [["/resourcegroups/"], ["/storageAccounts/", "/vaults/"], ["/secrets/"]],
    "ManagedIdentity": [["/userAssignedIdentities/"], ["/roleAssignments/"]],
}
"""The requests that are in progress at each kill, in the order of a deployment."""

LOST = {
    "SasToken": (
        "BlobContainer",
        {"BlobContainer", "ManagementPolicy", "Secret", "ExportPipeline", "AccessPolicy"},
    ),
    "ManagedIdentity": ("ExportPipeline", {"ExportPipeline", "role"}),
}
"""A resource that is removed from the state with everything that depends on it, and what conflicts then."""


def killed(project: Project, stack: str, paths: Paths, requests: list[str]) -> None:
    """Kill the engine with these requests in progress, which Azure completes nevertheless."""
    with contextlib.ExitStack() as opened:
        faults = [
            opened.enter_context(fault(paths, "source", "arm", method="PUT", path=path, delay=6, times=1))
            for path in requests
        ]
        with project.killed(stack):
            until(lambda: [applied() for applied in faults], all)
        time.sleep(7)
    project.run("pulumi", "cancel", "--yes", "--stack", stack)


def follow(project: Project, paths: Paths, said: str) -> set[str]:
    """Execute the printed commands, apart from `pulumi up`; returns the types of their resources."""
    taken = set[str]()
    for line in dict.fromkeys(re.findall(r"^ +((?:pulumi import|az role assignment) .*)$", said, re.M)):
        command = shlex.split(line)
        if command[0] == "az":
            remove_role(paths, *command[5::2])
            taken.add("role")
        else:
            project.run(*command)
            taken.add(command[2].rpartition(":")[2])
    assert taken, said
    return taken


def remove_role(paths: Paths, principal: str, role: str, scope: str) -> None:
    """`az role assignment delete`."""
    azure = SandboxSide(paths, "source", "roles")
    _, _, place = scope.partition(azure.definition.subscription)
    listed = azure.arm("GET", f"{place}/providers/Microsoft.Authorization/roleAssignments")["value"]
    held = [each for each in listed if each["properties"]["principalId"] == principal]
    (found,) = [each for each in held if each["properties"]["roleDefinitionId"].endswith(role)]
    azure.arm("DELETE", found["id"].partition(azure.definition.subscription)[2])


def healed(project: Project, stack: str, paths: Paths) -> set[str]:
    """Deploy and follow the printed advice until the stack is healthy; returns the types taken over."""
    taken = set[str]()
    for _ in range(7):
        ended = project.attempt(
            "pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--color", "never"
        )
        if ended.returncode == 0:
            break
        taken |= follow(project, paths, ended.stdout)
    assert [run["status"] for run in project.outputs(stack)["runs"]] == ["Succeeded"]
    project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes", "--diff")
    return taken


@leads_out("interrupted-creation", "interrupted-creation-with-provider", "role-exists")
@pytest.mark.parametrize("access", KILLS)
def test_each_resource_is_taken_over_by_the_printed_command(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths, access: str
) -> None:
    project = Project.made(tmp_path, checkout, sandbox_environment)
    own = {} if access == "SasToken" else {"sasExpiry": "", "createIdentity": True}
    stack = project.source(f"lost-{access.lower()}", ["shop/web:1.0.0"], storageAccess=access, **own)
    for requests in KILLS[access]:
        killed(project, stack, paths, requests)
        # Other requests can be in progress too.
        taken = follow(project, paths, project.up(stack, "--continue-on-error", good=False))
        assert len(taken) >= len(requests)
    healed(project, stack, paths)
    lost, conflicting = LOST[access]
    resources = json.loads(project.run("pulumi", "stack", "export", "--stack", stack))["deployment"][
        "resources"
    ]
    (urn,) = [each["urn"] for each in resources if each["custom"] and each["type"].endswith(f":{lost}")]
    project.run("pulumi", "state", "delete", urn, "--target-dependents", "--yes", "--stack", stack)
    assert healed(project, stack, paths) == conflicting
    assert (" --provider " in project.said) is (access == "ManagedIdentity")
    project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")
