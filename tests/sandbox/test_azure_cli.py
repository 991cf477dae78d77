"""The Azure CLI runs Microsoft's walkthrough of ACR Transfer, and has every command of the ways out.

`make test` does not install the CLI; after `python3 -m setup azure-cli` this test runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.model.failures.table import FAILURES
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from setup.azure_cli import PROGRAM, current
from tests.sandbox.here import sandbox_status

pytestmark = pytest.mark.skipif(
    not current(), reason="the Azure CLI is not installed: python3 -m setup azure-cli"
)
PIPELINES = "2025-06-01-preview"


@dataclass
class Shell:
    """A shell in which the Azure CLI is signed in to one cloud."""

    definition: CloudDefinition
    status: dict[str, Any]
    folder: Path
    bundle: Path
    typed: list[str] = field(default_factory=list)

    def az(self, line: str, *secret: str) -> Any:
        """Run a command; returns its output, as JSON if possible."""
        whole = [str(PROGRAM), *line.split(), *secret]
        environment = {
            **os.environ,
            "AZURE_CONFIG_DIR": str(self.folder / self.definition.side),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "REQUESTS_CA_BUNDLE": str(self.bundle),
        }
        ended = subprocess.run(whole, env=environment, capture_output=True, check=False, text=True)
        assert ended.returncode == 0, f"az {line}\n{ended.stderr}"
        self.typed.append(line)
        try:
            return json.loads(ended.stdout)
        except ValueError:
            return ended.stdout.strip()

    def sign_in(self) -> None:
        """Sign in as docs/sandbox-clients.md describes."""
        self.az(
            f"cloud register -n {self.definition.name} --endpoint-resource-manager {self.status['arm']}"
            " --suffix-keyvault-dns",
            "",
        )
        self.az(f"cloud set -n {self.definition.name}")
        self.az("config set core.instance_discovery=false")
        who = f"login --service-principal -u {self.status['clientId']} --tenant {self.status['tenant']}"
        found = self.az(who, "-p", self.status["clientSecret"])
        assert [each["id"] for each in found] == [self.definition.subscription]

    def storage(self, group: str, account: str) -> str:
        """Create a group, an account and a container `transfer`; returns the account's blob endpoint."""
        self.az(f"group create -n {group} -l {self.definition.location}")
        made = self.az(f"storage account create -n {account} -g {group} --sku Standard_LRS")
        blob = str(made["primaryEndpoints"]["blob"])
        key = self.az(f"storage account keys list -n {account} -g {group}")[0]["value"]
        place = f"--account-name {account} --blob-endpoint {blob}"
        self.az(f"storage container create -n transfer {place}", "--account-key", key)
        return blob

    def token(self, group: str, account: str, rights: str) -> str:
        """Create a SAS token for the container."""
        key = self.az(f"storage account keys list -n {account} -g {group}")[0]["value"]
        line = (
            f"storage container generate-sas -n transfer --account-name {account} --https-only"
            f" --permissions {rights} --expiry 2099-01-01T00:00Z"
        )
        return str(self.az(line, "--account-key", key))

    def secret(self, group: str, vault: str, name: str, value: str) -> str:
        """Create a vault with access policies and a secret; returns the secret's URI."""
        by_policy = "--enable-rbac-authorization false"
        self.az(f"keyvault create -n {vault} -g {group} -l {self.definition.location} {by_policy}")
        uri = self.az(f"keyvault show -n {vault}")["properties"]["vaultUri"]
        host = uri.removeprefix("https://").rstrip("/")
        made = self.az(f"keyvault secret set --vault-name {host} -n {name}", "--value", value)
        assert made["value"] == value
        return str(made["id"]).rpartition("/")[0]

    def pipeline(self, kind: str, name: str, end: dict[str, str], options: list[str]) -> dict[str, Any]:
        """Create a pipeline by `az resource`: Azure's extension for it is not on PyPI."""
        which = "target" if kind == "exportPipelines" else "source"
        body = {
            "location": self.definition.location,
            "identity": {"type": "SystemAssigned"},
            "properties": {which: {"type": "AzureStorageBlobContainer", **end}, "options": options},
        }
        id = f"{self.registry}/{kind}/{name}"
        line = f"resource create --id {id} --api-version {PIPELINES} --is-full-object -p"
        found: dict[str, Any] = self.az(line, json.dumps(body))
        return found

    @property
    def registry(self) -> str:
        """The registry's ID."""
        group = (
            f"/subscriptions/{self.definition.subscription}/resourceGroups/{self.definition.registry_group}"
        )
        return f"{group}/providers/Microsoft.ContainerRegistry/registries/{self.definition.registry}"

    def allow(self, vault: str, pipeline: dict[str, Any]) -> None:
        """Permit the pipeline's identity to read secrets."""
        who = pipeline["identity"]["principalId"]
        self.az(f"keyvault set-policy -n {vault} --secret-permissions get --object-id {who}")

    def run(self, name: str, request: dict[str, Any]) -> tuple[str, str]:
        """Run a pipeline by `az rest` to its end; returns the states of the resource and of the transfer."""
        id = f"{self.registry}/pipelineRuns/{name}"
        body = json.dumps({"properties": {"request": request, "forceUpdateTag": "1"}})
        uri = f"{self.status['arm']}{id}?api-version={PIPELINES}"
        self.az(f"rest --method put --uri {uri}", "--body", body)
        ended = "properties.provisioningState!='Creating'"
        self.az(f"resource wait --ids {id} --api-version {PIPELINES} --interval 1 --custom {ended}")
        found = self.az(f"resource show --ids {id} --api-version {PIPELINES}")["properties"]
        return found["provisioningState"], found["response"]["status"]


def test_the_azure_cli_has_every_command_and_option_of_the_ways_out(tmp_path: Path) -> None:
    environment = {**os.environ, "AZURE_CONFIG_DIR": str(tmp_path), "AZURE_CORE_COLLECT_TELEMETRY": "no"}
    steps = (step for failure in FAILURES.values() for way in failure.ways for step in way.steps)
    options_of: dict[str, set[str]] = {}
    for line in (step.command({}) for step in steps):
        command, *options = re.split(r" (?=--[a-z])", line)
        if command.startswith("az "):
            options_of.setdefault(command, set()).update(each.split()[0] for each in options)
    assert options_of
    for command, known in options_of.items():
        helped = subprocess.run(
            [str(PROGRAM), *command.split()[1:], "--help"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert {option for option in known if not re.search(rf"{option}\b", helped.stdout)} == set(), command


def test_the_azure_cli_runs_the_published_walkthrough(paths: Paths, tmp_path: Path) -> None:
    status, run = sandbox_status(), uuid.uuid4().hex[:8]
    source, target = (
        Shell(definition, status[definition.side], tmp_path, paths.bundle) for definition in (SOURCE, TARGET)
    )
    group, blob, archive = f"cli-{run}", f"blob{run}", tmp_path / "archive"
    places_of = {}
    for shell, rights in ((source, "rwla"), (target, "rldw")):
        shell.sign_in()
        account = f"cli{shell.definition.side}{run}"
        url = shell.storage(group, account)
        sas = shell.token(group, account, rights)
        uri = shell.secret(group, f"cli-{shell.definition.side}-{run}", "sas", sas)
        end = {"uri": f"{url}transfer", "keyVaultUri": uri}
        places_of[shell.definition.side] = (end, f"--account-name {account} --blob-endpoint {url}", sas)
    assert source.az(f"acr show -n {SOURCE.registry}")["sku"]["name"] == "Premium"
    assert "shop/web" in source.az(f"acr repository list -n {SOURCE.registry}")

    end, place, sas = places_of["source"]
    pipeline = source.pipeline("exportPipelines", f"export{run}", end, ["OverwriteBlobs"])
    source.allow(f"cli-source-{run}", pipeline)
    request = {"pipelineResourceId": pipeline["id"], "artifacts": ["shop/web:1.0.0"]}
    storage = {"type": "AzureStorageBlob", "name": blob}
    assert source.run(f"export{run}", {**request, "target": storage}) == ("Succeeded", "Succeeded")
    listed = source.az(f"storage blob list -c transfer {place}", "--sas-token", sas)
    assert [each["name"] for each in listed] == [blob]
    source.az(f"storage blob download -c transfer -n {blob} -f {archive} {place}", "--sas-token", sas)

    end, place, sas = places_of["target"]
    target.az(f"storage blob upload -c transfer -n {blob} -f {archive} {place}", "--sas-token", sas)
    pipeline = target.pipeline("importPipelines", f"import{run}", end, ["OverwriteTags"])
    target.allow(f"cli-target-{run}", pipeline)
    request = {"pipelineResourceId": pipeline["id"], "source": storage}
    assert target.run(f"import{run}", request) == ("Succeeded", "Succeeded")
    wanted = "acr manifest show-metadata -r {} -n shop/web:1.0.0"
    digests = [shell.az(wanted.format(shell.definition.registry))["digest"] for shell in (source, target)]
    assert digests[0] == digests[1]

    for shell in (source, target):
        assert len(shell.az(f"resource list -g {group}")) == 2
        shell.az(f"group delete -n {group} --yes")
        assert shell.az(f"group exists -n {group}") is False
