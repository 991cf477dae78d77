"""A folder with a Pulumi project whose source stack is configured but not deployed, and the command in it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.registry.oci_client import Manifest
from tests import leak_scan
from tests.transfer.pushing import push

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from acr_transfer.__main__ import main; sys.exit(main())"
LOUD = f"import logging; logging.basicConfig(level=1); {PROGRAM}"


@dataclass
class Desk:
    """A folder with a Pulumi project; its source stack is configured but not deployed."""

    folder: Path
    environment: dict[str, str]
    cloud: Cloud
    output: str = ""

    @property
    def host(self) -> str:
        """The source registry."""
        return self.cloud.login_server(SOURCE.registry)

    def run(self, *line: str, code: int = 0, program: str = PROGRAM) -> str:
        """Run a command and return its stdout; its exit code must be `code`."""
        call = [sys.executable, "-c", program, *line]
        environment = {**self.environment, "PYTHONPATH": str(ROOT)}
        with leak_scan.watched():
            done = subprocess.run(
                call, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
            )
        self.output += done.stdout + done.stderr
        leak_scan.hear(done.stdout, done.stderr)
        assert done.returncode == code, done.stderr
        return done.stdout

    def json(self, *line: str, code: int = 0) -> dict[str, Any]:
        """Run a command with --json and return the document."""
        found: dict[str, Any] = json.loads(self.run(*line, "--json", code=code))
        return found

    def push(self, repository: str, tag: str, subject: Manifest | None = None) -> Manifest:
        """Push a small image, or a referrer of another."""
        return push(self.cloud, repository, tag, subject)


def make_desk(folder: Path, paths: Paths, sandbox_environment: dict[str, str], name: str = "desk") -> Desk:
    """Make the project in an empty folder, and its stack `name`."""
    (folder / "Pulumi.yaml").write_text("name: desk\nruntime: python\n")
    config = {
        "azure-native:environment": SOURCE.name,
        "azure-native:subscriptionId": SOURCE.subscription,
        "azure-native:tenantId": SOURCE.tenant,
        "acr-transfer:registry": SOURCE.registry,
        "acr-transfer:registryResourceGroup": SOURCE.registry_group,
    }
    (folder / f"Pulumi.{name}.yaml").write_text(json.dumps({"config": config}))
    environment = {**sandbox_environment, "ACR_TRANSFER_SOURCE": name}
    made = Desk(folder, environment, Cloud(SOURCE, paths))
    subprocess.run(
        ["pulumi", "stack", "init", name], cwd=folder, env=environment, check=True, capture_output=True
    )
    return made


def secrets(desk: Desk) -> list[str]:
    """The secrets that must not be in any output: the login, and Docker's stored credentials."""
    kept = json.loads((Path(desk.environment["DOCKER_CONFIG"]) / "config.json").read_text())["auths"]
    pairs = [entry["auth"] for entry in kept.values()]
    tokens = [base64.b64decode(pair).decode().partition(":")[2] for pair in pairs]
    return [
        *pairs,
        *(part for token in tokens for part in token.split(".")[1:]),
        desk.environment["IDENTITY_HEADER"],
    ]
