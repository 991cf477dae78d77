"""Two clouds with storage servers, and a project with two Pulumi stacks, for tests of the command."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient, ContentSettings

from acr_transfer.copy.blocks import CATEGORY
from acr_transfer.model.documents.handover import Handover
from tests import leak_scan
from tests.transfer.small_cloud import Answers, Authority
from tests.transfer.stores import Store, azurite, cached

ROOT = Path(__file__).parents[2]
SUBSCRIPTIONS = {
    "source": "50000000-0000-4000-8000-000000000001",
    "target": "70000000-0000-4000-8000-000000000001",
}
TOKEN = "eyJ-a-token-that-no-output-may-contain"
COMMAND = "import sys; from acr_transfer.__main__ import main; sys.exit(main())"
LOUD = f"import logging; logging.basicConfig(level=1); {COMMAND}"
"""The command with all loggers at debug level."""


@dataclass
class World:
    """Two clouds, a project with two stacks, and the output of its commands."""

    arm: Answers
    registries: dict[str, Answers]
    stores: dict[str, Store]
    environment: dict[str, str]
    project: Path
    hosts: dict[str, str] = field(default_factory=dict)
    deployed: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: str = ""

    def run(self, *line: str, program: str = COMMAND) -> tuple[int, str, str]:
        """Run a command in the project; return exit code, stdout and stderr."""
        call = [sys.executable, "-c", program, *line]
        environment = {**self.environment, "PYTHONPATH": str(ROOT)}
        with leak_scan.watched():
            done = subprocess.run(
                call, cwd=self.project, env=environment, capture_output=True, text=True, check=False
            )
        self.said += done.stdout + done.stderr
        leak_scan.know("key of this world", *self.secrets()[1:])  # the token is in environments by design
        leak_scan.hear(done.stdout, done.stderr)
        return done.returncode, done.stdout, done.stderr

    def pulumi(self, *line: str, text: str = "") -> None:
        """Run the real Pulumi CLI."""
        call = ["pulumi", *line, "--non-interactive"]
        subprocess.run(
            call,
            cwd=self.project,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )

    def programs(self, name: str, script: str) -> Path:
        """A folder with one program for PATH."""
        folder = self.project / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder

    def deploy(self, side: str, **outputs: Any) -> None:
        """Set the outputs of a stack, like `pulumi up`."""
        if self.deployed.get(side) == outputs:
            return
        self.deployed[side] = outputs
        urn = f"urn:pulumi:{side}::acr-transfer::pulumi:pulumi:Stack::acr-transfer-{side}"
        stack = {"urn": urn, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}
        manifest = {"time": "2026-11-01T00:00:00Z", "magic": "", "version": ""}
        self.pulumi(
            "stack",
            "import",
            "--stack",
            side,
            text=json.dumps(
                {"version": 3, "deployment": {"manifest": manifest, "resources": [stack] if outputs else []}}
            ),
        )

    def service(self, side: str) -> BlobServiceClient:
        """The storage of one side."""
        store, trusted = self.stores[side], self.environment["SSL_CERT_FILE"]
        return BlobServiceClient(store.url, store.credential(), connection_verify=trusted)

    def export(self, *artifacts: str, blob: str = "batch1") -> None:
        """Create what `pulumi up` of both stacks creates: containers, one blob, outputs."""
        content = b"an archive of images"
        settings = ContentSettings(content_md5=bytearray(hashlib.md5(content).digest()))
        for side in self.stores:
            with self.service(side) as service:
                container = service.get_container_client("transfer")
                if not container.exists():
                    container.create_container()
                for old in container.list_blobs():
                    container.delete_blob(old.name)
                if side == "source":
                    container.upload_blob(
                        blob, content, metadata={"category": CATEGORY}, content_settings=settings
                    )
        self.deploy("source", **self.outputs("source"), handover=self.handover(*artifacts))
        self.deploy("target", **self.outputs("target"))

    def handover(self, *artifacts: str) -> dict[str, Any]:
        """The hand-over of the source stack: one blob with these artifacts, or no blob."""
        blobs = [{"name": "batch1", "artifacts": list(artifacts)}] if artifacts else []
        source = self.outputs("source")
        return Handover.of(source["loginServer"], source["containerUrl"], blobs).as_json()

    def outputs(self, side: str) -> dict[str, str]:
        """The outputs that both sides have."""
        return {"loginServer": self.hosts[side], "containerUrl": f"{self.stores[side].url}/transfer"}

    def accounts(self, side: str, key: str | int | None = None) -> None:
        """Set the storage accounts of one side in Resource Manager."""
        store, group = self.stores[side], f"/subscriptions/{SUBSCRIPTIONS[side]}"
        identifier = (
            f"{group}/resourceGroups/images/providers/Microsoft.Storage/storageAccounts/{store.account}"
        )
        others = [
            {"id": "/x", "name": "other", "properties": {"primaryEndpoints": {"blob": f"{store.url}2/"}}},
            {"name": "x"},
        ]
        account = {
            "id": identifier,
            "name": store.account,
            "properties": {"primaryEndpoints": {"blob": f"{store.url}/"}},
        }
        self.arm.documents[f"{group}/providers/Microsoft.Storage/storageAccounts"] = {
            "value": [*others, account]
        }
        keys = {"keys": [{"keyName": "key1", "value": key or store.key, "permissions": "FULL"}]}
        self.arm.documents[f"{identifier}/listKeys"] = key if isinstance(key, int) else keys

    def secrets(self) -> list[str]:
        """Texts that no output may contain."""
        return [TOKEN, *(store.key for store in self.stores.values()), WRONG_KEY]


WRONG_KEY = base64.b64encode(b"a key that ARM returns and storage rejects, so that signing fails...").decode()


def leaks(said: str, secrets: list[str]) -> list[str]:
    """The secrets in a text: whole, in part, or encoded."""
    spellings = {
        spelling
        for secret in secrets
        for spelling in (secret, secret[:20], secret[-20:], base64.b64encode(secret.encode()).decode()[:24])
    }
    return sorted(spelling for spelling in spellings if spelling in said)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[World]:
    """A world with both stacks initialized."""
    project = folder / "a project"
    (folder / "state").mkdir()
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: acr-transfer\nruntime: python\n")
    authority = Authority.make(folder)
    pulumi = shutil.which("pulumi") or str(cached("pulumi/*/bin/pulumi"))
    with contextlib.ExitStack() as stack:
        certificate = authority.chain, authority.key
        leaving, arriving = stack.enter_context(
            azurite(folder, "leaving", "arriving", certificate=certificate)
        )
        arm, registries = Answers(token=TOKEN), {side: Answers(token=TOKEN) for side in SUBSCRIPTIONS}
        hosts = {side: stack.enter_context(authority.serve(answers)) for side, answers in registries.items()}
        here = stack.enter_context(authority.serve(arm))
        environment = {
            "PATH": f"{Path(pulumi).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "a phrase",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "SSL_CERT_FILE": str(authority.trusted),
            "ARM_METADATA_HOSTNAME": here,
            "IDENTITY_ENDPOINT": f"https://{here}/token",
            "IDENTITY_HEADER": TOKEN,
            "REQUESTS_CA_BUNDLE": str(authority.trusted),
            "AZURE_TOKEN_CREDENTIALS": "managedidentitycredential",
        }
        world = World(arm, registries, {"source": leaving, "target": arriving}, environment, project, hosts)
        world.arm.documents["/metadata/endpoints"] = [_cloud(side, here) for side in SUBSCRIPTIONS]
        for side, subscription in SUBSCRIPTIONS.items():
            world.pulumi("stack", "init", side)
            world.pulumi("config", "set", "azure-native:environment", f"small{side}", "--stack", side)
            world.pulumi("config", "set", "azure-native:subscriptionId", subscription, "--stack", side)
            world.pulumi("config", "set", "--secret", "canary", TOKEN, "--stack", side)
        yield world


def _cloud(side: str, here: str) -> dict[str, Any]:
    authentication = {
        "loginEndpoint": f"https://{here}",
        "audiences": [f"https://{side}.invalid"],
        "tenant": "t",
    }
    return {
        "name": f"Small{side.title()}",
        "resourceManager": f"https://{here}/",
        "authentication": authentication,
    }
