"""The commands `status`, `doctor` and `ship` on stacks in the sandbox, intact and broken."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.storage import blobs
from tests import leak_scan
from tests.engine.projects import EVERY_RUN, Project
from tests.sandbox.faults.control import fault
from tests.sandbox.transfer.side import until
from tests.transfer.pushing import push

ARTIFACTS = ["ship/web:1", "ship/agent:1"]
"""Images that only this test moves, because existing images are not copied again."""


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> Iterator[Project]:
    for artifact in ARTIFACTS:
        repository, _, tag = artifact.partition(":")
        push(Cloud(SOURCE, paths), repository, tag)
    made = Project.made(tmp_path_factory.mktemp("ship"), checkout, sandbox_environment)
    made.source("ship-source", ARTIFACTS)
    made.target("ship-target", "ship-source")
    yield made
    made.run("acr-transfer", "clean", "--source", "ship-source", "--target", "ship-target", *EVERY_RUN)
    for stack in ("ship-target", "ship-source"):
        made.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")


QUIET = ("-m", "acr_transfer")
LOUD = (
    "-c",
    "import logging, sys; logging.basicConfig(level=1); "
    "from acr_transfer.__main__ import main; sys.exit(main())",
)


def typed(project: Project, *line: str, program: Sequence[str] = QUIET) -> tuple[int, str, str]:
    """Run a command; return exit code, stdout and stderr."""
    stacks = ["--source", "ship-source", "--target", "ship-target"]
    whole = [sys.executable, *program, *line, *stacks, "--cwd", str(project.folder)]
    with leak_scan.watched():
        ended = subprocess.run(
            whole, cwd=CHECKOUT, env=project.environment, capture_output=True, text=True, check=False
        )
    project.said += ended.stdout + ended.stderr
    leak_scan.hear(ended.stdout, ended.stderr)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def shipped(project: Project) -> dict[str, Any]:
    code, out, error = typed(project, "ship", "--json", "--wait", "120", "--quiet")
    assert code == 0, error
    found: dict[str, Any] = json.loads(out)
    return found


def test_ship_runs_every_step_of_a_first_transfer(shipped: dict[str, Any]) -> None:
    assert [step["name"] for step in shipped["steps"]] == ["up source", "up target", "hop", "import", "prove"]
    assert shipped["steps"][2]["outcome"] == "done"


def test_ship_does_not_copy_what_is_proved_already(project: Project, shipped: dict[str, Any]) -> None:
    del shipped
    code, out, error = typed(project, "ship", "--wait", "120")
    assert code == 0, error
    assert "not needed" in out
    assert "every exported artifact is at the target already" in error
    assert "5/5 prove" in error


def test_status_shows_runs_of_stack_and_trigger(project: Project, shipped: dict[str, Any]) -> None:
    del shipped
    code, out, _ = typed(project, "status", "--json")
    source, target = json.loads(out)["sides"]
    assert code == 0
    assert [run["state"] for run in source["runs"] + target["runs"]] == ["Succeeded", "Succeeded"]
    assert [run["triggered"] for run in source["runs"] + target["runs"]] == [False, True]
    assert target["pipeline"]["trigger"] == "Enabled"
    assert source["runs"][0]["blob"] == target["runs"][0]["blob"]


def test_doctor_finds_no_fault_in_working_stacks(project: Project, shipped: dict[str, Any]) -> None:
    del shipped
    code, out, _ = typed(project, "doctor")
    assert code == 0
    assert "fault" not in out
    # The caller may not read secrets: this is reported, and is not a fault.
    assert out.count("not seen") >= 2
    assert "the caller needs the secret permission get" in out


class Azure:
    """Changes behind the program's back, as a colleague in the portal makes them."""

    def __init__(self, definition: CloudDefinition, paths: Paths, group: str) -> None:
        self.cloud, self.definition = Cloud(definition, paths), definition
        self.group = f"/subscriptions/{definition.subscription}/resourceGroups/{group}"
        self.registry = (
            f"/subscriptions/{definition.subscription}/resourceGroups/{definition.registry_group}"
            f"/providers/Microsoft.ContainerRegistry/registries/{definition.registry}"
        )

    def one(self, type: str) -> dict[str, Any]:
        """The only resource of this type in the stack's group."""
        found: dict[str, Any]
        (found,) = self.cloud.resources.of_type(type, f"{self.group}/")
        return found

    def ask(self, method: str, path: str, version: str, body: Any = None) -> Any:
        """One request to the management endpoint."""
        headers = {"Authorization": f"Bearer {self.cloud.operator_token(self.cloud.audience)}"}
        url = f"{self.cloud.arm}{path}"
        trust = str(self.cloud.paths.authority)
        answer = requests.request(
            method, url, params={"api-version": version}, json=body, headers=headers, verify=trust, timeout=60
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else {}


def test_doctor_names_every_fault_of_a_broken_source(
    project: Project, shipped: dict[str, Any], paths: Paths
) -> None:
    del shipped
    azure = Azure(SOURCE, paths, "tests-ship-source")
    vault = azure.one("Microsoft.KeyVault/vaults")["id"]
    sas = "?sv=2022-11-02&sr=c&sp={}&se={}-01-01T00:00:00Z&spr=https&sig=bm90LWEtcmVhbC1zaWduYXR1cmU%3D"
    me = {"tenantId": SOURCE.tenant, "objectId": SOURCE.operator, "permissions": {"secrets": ["get"]}}
    replaced = {"properties": {"accessPolicies": [me]}}
    everyone = azure.ask("GET", vault, "2024-11-01")["properties"]["accessPolicies"]
    azure.ask(
        "PUT", f"{vault}/accessPolicies/remove", "2024-11-01", {"properties": {"accessPolicies": everyone}}
    )
    azure.ask("PUT", f"{vault}/accessPolicies/add", "2024-11-01", replaced)

    def examined(value: str, program: Sequence[str] = QUIET) -> tuple[int, str, str]:
        if value:
            body = {"properties": {"value": value}}
            azure.ask("PUT", f"{vault}/secrets/acrexportsas", "2024-11-01", body)
        return typed(project, "doctor", "--only", "source", program=program)

    for action in ("Deny", "Allow"):
        rules = {"properties": {"networkAcls": {"defaultAction": action, "bypass": "AzureServices"}}}
        azure.ask("PATCH", vault, "2024-11-01", rules)
        _, out, _ = examined("")
        assert ("the vault's firewall blocks this machine" in out) is (action == "Deny")
        assert ("pulumi config rm acr-transfer:vaultAddresses" in out) is (action == "Deny")
    assert "the token has the required rights" in out
    code, out, error = examined(sas.format("rawl", 2090), LOUD)
    assert "storage rejects the token in secret acrexportsas: its signature is wrong" in out
    assert "2 faults found" in error
    assert "bm90LWEtcmVhbC1zaWduYXR1cmU" not in out + error
    code, out, error = examined(sas.format("rl", 2020))
    assert code == 14
    for words in (
        "cannot read secrets",
        "the token in secret acrexportsas expired 2020-01-01",
        "lacks add, write",
    ):
        assert words in out
    assert "3 faults found" in error
    assert "bm90LWEtcmVhbC1zaWduYXR1cmU" not in out + error


def test_doctor_names_a_blob_that_the_trigger_ignores(
    project: Project, shipped: dict[str, Any], paths: Paths
) -> None:
    del shipped
    azure = Azure(TARGET, paths, "tests-ship-target")
    account = azure.one("Microsoft.Storage/storageAccounts")["name"]
    upload(azure, account)
    code, out, _ = typed(project, "doctor", "--only", "target", "--json")
    assert code == 14
    (fault,) = [each for each in json.loads(out)["findings"] if each["verdict"] == "fault"]
    assert fault["what"] == "blob by-hand has no category"


def upload(azure: Azure, account: str) -> None:
    """Upload a blob as another tool would."""
    from azure.storage.blob import BlobClient

    keys = blobs.keys(azure.cloud, azure.one("Microsoft.Storage/storageAccounts"))
    url = f"{azure.cloud.blob_url(account)}transfer/by-hand"
    credential = {"account_name": account, "account_key": keys[0]}
    trust = str(azure.cloud.paths.authority)
    with BlobClient.from_blob_url(url, credential=credential, connection_verify=trust) as blob:
        blob.upload_blob(b"content")


def test_status_explains_a_failed_run_and_how_to_fix_it(
    project: Project, shipped: dict[str, Any], paths: Paths
) -> None:
    del shipped
    azure = Azure(TARGET, paths, "tests-ship-target")
    pipeline = f"{azure.registry}/importPipelines/shiptarget"
    request = {"pipelineResourceId": pipeline, "source": {"type": "AzureStorageBlob", "name": "nowhere"}}
    run = f"{azure.registry}/pipelineRuns/shipFailed"
    azure.ask("PUT", run, "2024-11-01-preview", {"properties": {"request": request}})
    code, out, error = typed(project, "status", "--watch", "0.2")
    assert code == 13
    assert "why:  The blob does not exist." in out
    assert "acr-transfer hop --source ship-source --target ship-target\n" in out
    assert "run shipFailed failed" in error


@pytest.mark.parametrize("quiet", [[], ["--quiet"]], ids=["loud", "quiet"])
def test_ship_shows_why_a_deployment_failed_and_what_leads_out(
    project: Project, shipped: dict[str, Any], quiet: list[str]
) -> None:
    del shipped
    project.run("pulumi", "config", "set", "acr-transfer:blobs", "x", "-s", "ship-source")
    code, _, error = typed(project, "ship", *quiet)
    assert code == 4
    reason = error[error.index("up source: `pulumi up -s ship-source` failed") :]
    assert "acr-transfer:blobs is not a key of this program" in reason
    (command,) = re.findall(r"^ +(pulumi config rm .*)$", reason, re.MULTILINE)
    project.run(*shlex.split(command))
    code, _, error = typed(project, "ship", "--wait", "120")
    assert code == 0, error


@pytest.mark.parametrize("quiet", [[], ["--quiet"]], ids=["loud", "quiet"])
def test_ship_names_the_command_that_removes_the_lock_of_a_killed_deployment(
    project: Project, shipped: dict[str, Any], paths: Paths, quiet: list[str]
) -> None:
    del shipped
    with (
        fault(paths, "source", "arm", method="GET", delay=20, times=1) as delayed,
        project.killed("ship-source"),
    ):
        until(delayed, bool)
    code, _, error = typed(project, "ship", *quiet)
    assert code == 4
    assert "up source: stack 'ship-source' is locked." in error
    (command,) = re.findall(r"^ +(pulumi cancel .*)$", error, re.MULTILINE)
    project.run(*shlex.split(command))
    code, _, error = typed(project, "ship", "--wait", "120")
    assert code == 0, error


def test_no_output_contains_a_secret(project: Project, shipped: dict[str, Any], paths: Paths) -> None:
    del shipped
    for definition in (SOURCE, TARGET):
        azure = Azure(definition, paths, f"tests-ship-{definition.side}")
        for key in blobs.keys(azure.cloud, azure.one("Microsoft.Storage/storageAccounts")):
            assert key not in project.said
    assert "sig=" not in project.said
