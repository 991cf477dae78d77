"""Resources of a stack that somebody deletes in Azure, behind Pulumi's back."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from azure.mgmt.resource.resources import ResourceManagementClient

from sandbox import status
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CloudDefinition
from sandbox.cloud.paths import Paths
from sandbox.keyvault.secrets import Secrets
from tests.engine.existing import Bearer
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice


@dataclass(frozen=True)
class Side:
    """One deployed stack, and everything in its cloud."""

    project: Project
    paths: Paths
    definition: CloudDefinition
    stack: str

    def delete(self, kind: str) -> None:
        """Delete the stack's resource of a kind, such as `StorageAccount`, with the rights of its owner."""
        (found,) = [each for each in self._state() if each["type"].endswith(f":{kind}") and each.get("id")]
        if kind == "Secret":
            # The management endpoint has no request that deletes a secret.
            inputs = found["inputs"]
            vault = Secrets(Cloud(self.definition, self.paths).database, inputs["vaultName"])
            vault.delete(inputs["secretName"])
            return
        client = self._client()
        if kind == "AccessPolicy":
            vault_id, _, principal = found["id"].partition("/accessPolicy/")
            policy = {"tenantId": self.definition.tenant, "objectId": principal, "permissions": {}}
            body: Any = {"properties": {"accessPolicies": [policy]}}
            id = f"{vault_id}/accessPolicies/remove"
            client.resources.begin_create_or_update_by_id(id, body, api_version="2024-11-01").result()
            return
        version = found["outputs"]["azureApiVersion"]
        # With the harder answer a pipeline cannot be deleted alone, so nothing would be left to restore.
        with choice(self.paths, self.definition.side, "delete-used", "allow"):
            client.resources.begin_delete_by_id(found["id"], api_version=version).result()

    def faults(self, other: Side | None = None) -> list[dict[str, Any]]:
        """What doctor finds on this side, together with the other one or alone."""
        mine = (f"--{self.definition.side}", self.stack)
        words = (
            (*mine, f"--{other.definition.side}", other.stack) if other else (*mine, "--only", mine[0][2:])
        )
        said = self.project.attempt("acr-transfer", "doctor", "--json", *words).stdout
        found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
        bad = [each for each in found["findings"] if each["verdict"] in ("fault", "warning")]
        return [each for each in bad if each["side"] == self.definition.side]

    def follow(self, commands: list[str], **names: str) -> None:
        """Type commands as they were printed, with values for the names in angle brackets."""
        said = self.attempt(commands, **names)
        assert not said, said

    def attempt(self, commands: list[str], **names: str) -> str:
        """Type commands as `follow` does, up to the first that fails; its output, or none."""
        for command in commands:
            words = [names.get(word.strip("<>"), word) for word in shlex.split(command)]
            plain = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")
            done = self.project.attempt(*words, *(plain if words[:2] == ["pulumi", "up"] else ()))
            if done.returncode:
                return done.stdout
        return ""

    def restore(self, finding: dict[str, Any], **names: str) -> None:
        """Follow a finding; if its refresh ends with an error, also the way out of that."""
        try:
            self.follow(finding["commands"], **names)
        except AssertionError:
            after = re.search(r"If the refresh ends with an error: (.+)", finding["fix"])
            assert after, finding
            self.follow([after[1]], **names)

    def changes(self) -> str:
        """The output of a preview that expects no change."""
        return self.project.run("pulumi", "preview", "--stack", self.stack, "--expect-no-changes")

    def _state(self) -> list[dict[str, Any]]:
        exported = json.loads(self.project.run("pulumi", "stack", "export", "--stack", self.stack))
        found: list[dict[str, Any]] = exported["deployment"]["resources"]
        return [each for each in found if each["custom"]]

    def _client(self) -> ResourceManagementClient:
        found = status.status(self.paths)["clouds"][self.definition.side]
        return ResourceManagementClient(
            Bearer(found["token"]),
            found["subscription"],
            base_url=found["arm"],
            credential_scopes=[f"{found['arm']}/.default"],
            connection_verify=found["ca"],
            polling_interval=0,
        )
