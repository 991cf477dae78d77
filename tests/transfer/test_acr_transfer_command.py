"""The command as it is typed: real Pulumi stacks, real storage, and no secret in anything it says."""

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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContentSettings

from tests.transfer.small_cloud import Answers, Authority, image, index
from tests.transfer.stores import Store, azurite, cached
from transfer.blocks import CATEGORY

ROOT = Path(__file__).parents[2]
SUBSCRIPTIONS = {
    "source": "50000000-0000-4000-8000-000000000001",
    "target": "70000000-0000-4000-8000-000000000001",
}
TOKEN = "eyJ-a-token-that-nobody-may-ever-see"
COMMAND = "import sys; from transfer.__main__ import main; sys.exit(main())"
LOUD = f"import logging; logging.basicConfig(level=1); {COMMAND}"
"""The command with every logger of every library at its loudest."""


@dataclass
class World:
    """Two clouds, a project with two stacks, and what the command said in it."""

    arm: Answers
    registries: dict[str, Answers]
    stores: dict[str, Store]
    environment: dict[str, str]
    project: Path
    hosts: dict[str, str] = field(default_factory=dict)
    deployed: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: str = ""

    def run(self, *line: str, program: str = COMMAND) -> tuple[int, str, str]:
        """Type a command in the project; exit code, stdout and stderr."""
        call = [sys.executable, "-c", program, *line]
        environment = {**self.environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            call, cwd=self.project, env=environment, capture_output=True, text=True, check=False
        )
        self.said += done.stdout + done.stderr
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

    def deploy(self, side: str, **outputs: Any) -> None:
        """Give a stack outputs, as `pulumi up` would."""
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
        """What `pulumi up` on both stacks leaves: containers, one blob, outputs."""
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
        handover = {"schema": 1, "blobs": [{"name": "batch1", "artifacts": list(artifacts)}]}
        self.deploy("source", **self.outputs("source"), handover=handover)
        self.deploy("target", **self.outputs("target"))

    def outputs(self, side: str) -> dict[str, str]:
        """What both sides put out."""
        return {"loginServer": self.hosts[side], "containerUrl": f"{self.stores[side].url}/transfer"}

    def accounts(self, side: str, key: str | int | None = None) -> None:
        """What ARM says of the storage accounts of one side."""
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
        """What must be in nothing that the command says."""
        return [TOKEN, *(store.key for store in self.stores.values()), WRONG_KEY]


WRONG_KEY = base64.b64encode(b"a key that ARM gives and storage refuses, so that signing fails.....").decode()


def leaks(said: str, secrets: list[str]) -> list[str]:
    """Secrets that are in a text, whole or in the pieces and spellings that a log might hold."""
    spellings = {
        spelling
        for secret in secrets
        for spelling in (secret, secret[:20], secret[-20:], base64.b64encode(secret.encode()).decode()[:24])
    }
    return sorted(spelling for spelling in spellings if spelling in said)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
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


@pytest.fixture(autouse=True)
def _sound(world: World) -> None:
    for side, answers in world.registries.items():
        world.accounts(side)
        answers.manifests.clear()
        answers.token = TOKEN


@pytest.fixture(autouse=True)
def _no_secret_is_said(world: World) -> Iterator[None]:
    world.said = ""
    yield
    assert leaks(world.said, world.secrets()) == []


def test_the_search_would_find_a_secret() -> None:
    for said in (
        "x SECRETSECRETSECRETSECRET y",
        "U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU",
        "..SECRETSECRETSECRETSECR",
    ):
        assert leaks(said, ["SECRETSECRETSECRETSECRET"])
    assert not leaks("SECRET", ["SECRETSECRETSECRETSECRET"])


def test_hop_carries_and_then_says_that_all_is_there(world: World) -> None:
    world.export("app:v1")
    code, said, _ = world.run("hop")
    assert code == 0
    assert said.splitlines()[1].split() == ["batch1", "20", "B", "copied"]
    code, said, _ = world.run("hop", "--json")
    assert code == 0
    (blob,) = json.loads(said)["blobs"]
    assert (blob["name"], blob["outcome"], blob["size"]) == ("batch1", "already there", 20)
    with world.service("target") as service:
        assert service.get_blob_client("transfer", "batch1").get_blob_properties().metadata == {
            "category": CATEGORY
        }


def test_prove_tells_proved_from_not_proved(world: World) -> None:
    children = image("amd64"), image("arm64")
    signature = image("signature", subject={"digest": "sha256:0"})
    for side in ("source", "target"):
        for child in children:
            world.registries[side].put("app", child)
        world.registries[side].put("app", index(*children), "v1")
        signed = world.registries[side].put("app", signature)
    world.export("app:v1", f"app@{signed}")
    code, said, _ = world.run("prove")
    assert code == 0
    assert said.splitlines()[-1].startswith("2 of 2 artifacts proved, 4 manifests read, ")
    world.registries["target"].put("app", image("moved"), "v1")
    code, said, reason = world.run("prove", "--json", "--wait", "1")
    assert code == 3
    moved, sound = json.loads(said)["findings"]
    assert (moved["verdict"], sound["verdict"], sound["kind"]) == ("different", "proved", "referrer")
    assert "1 different" in reason


def test_without_a_terminal_there_is_the_result_and_nothing_else(world: World) -> None:
    world.export("app:v1")
    _, said, progress = world.run("hop", "--json")
    assert json.loads(said)["schema"] == 1
    assert progress == ""


def test_clean_removes_what_was_imported_and_nothing_else_and_only_when_told(world: World) -> None:
    world.export("app:v1")
    registry = f"/subscriptions/{SUBSCRIPTIONS['target']}/resourceGroups/g/providers/R/registries/r"
    world.deploy("target", **world.outputs("target"), importPipelineId=f"{registry}/importPipelines/p")
    with world.service("target") as service:
        container = service.get_container_client("transfer")
        for name, mark in (("imported", CATEGORY), ("waiting", CATEGORY), ("foreign", "none")):
            container.upload_blob(name, b"x", metadata={"category": mark})
        uri, now = f"{container.url}/imported", datetime.now(UTC) + timedelta(seconds=1)
        response = {"status": "Succeeded", "startTime": now.isoformat(), "source": {"uri": uri}}
        run: dict[str, Any] = {"id": f"{registry}/pipelineRuns/p_1", "name": "p_1"}
        run["properties"] = {"provisioningState": "Succeeded", "response": response}
        world.arm.documents[f"{registry}/pipelineRuns"] = {"value": [run]}
        code, said, error = world.run("clean", "--side", "target", "--older-than", "0")
        assert code == 0, error
        assert "imported by run p_1" in said
        assert "--yes removes them" in said
        assert {blob.name for blob in container.list_blobs()} == {"imported", "waiting", "foreign"}
        code, said, error = world.run("clean", "--side", "target", "--older-than", "0", "--yes", "--json")
        assert code == 0, error
        assert [found["goes"] for found in json.loads(said)["leftovers"]] == [True, False, True]
        assert {blob.name for blob in container.list_blobs()} == {"waiting", "foreign"}
    assert world.arm.asked[f"DELETE {registry}/pipelineRuns/p_1"] == 1


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["hop", "--source", "nope"], 4, "there is no stack 'nope'"),
        (["hop", "-C", "nowhere"], 4, "cannot run `pulumi` in nowhere"),
        (["hop", "--target", "source"], 0, "already there"),
    ],
)
def test_bad_names_are_named(world: World, line: list[str], code: int, words: str) -> None:
    world.export("app:v1")
    done, said, reason = world.run(*line)
    assert (done, words in said + reason) == (code, True)


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        ("nothing", 0, "copied"),
        ("not deployed", 4, "has no outputs: it was never deployed. Run `pulumi up --stack source`"),
        ("not our stack", 4, "has no output 'handover': is it a stack of acr-transfer?"),
        ("signed URL", 4, "is not a plain https URL"),
        ("no blob", 5, "batch1: the blob is not there, so its export run has not succeeded"),
        ("empty hand-over", 5, "nothing was exported"),
        (
            "no right to list keys",
            6,
            "needs Microsoft.Storage/storageAccounts/listKeys/action on storage account arriving",
        ),
        ("wrong key", 6, "refused (HTTP 403 AuthorizationFailure)"),
        ("no login", 6, "no login that this cloud accepts. Run `az login`"),
        ("no account", 7, "no storage account of subscription"),
        ("no container", 7, "the target's container transfer at localhost"),
        ("no cloud", 7, "describes no cloud 'smallsource'"),
        ("metadata down", 9, "the metadata host localhost:1 gives no answer"),
        ("untrusted", 9, "certificate"),
    ],
)
def test_each_failure_of_hop_has_its_code_and_reason(
    world: World, failure: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export("app:v1", blob="another" if failure == "no blob" else "batch1")
    _break(world, failure, monkeypatch)
    done, said, reason = world.run("hop")
    assert (done, words in said + reason) == (code, True), reason
    assert "Traceback" not in reason


def _break(world: World, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = f"{world.stores['source'].url}/transfer?sv=1&sig={TOKEN}"
    outputs = world.outputs("source")
    match failure:
        case "not deployed":
            world.deploy("source")
        case "not our stack":
            world.deploy("source", **outputs)
        case "signed URL":
            handover = {"schema": 1, "blobs": [{"name": "batch1", "artifacts": []}]}
            world.deploy("source", **{**outputs, "containerUrl": signed}, handover=handover)
        case "empty hand-over":
            world.deploy("source", **outputs, handover={"schema": 1, "blobs": []})
        case "no right to list keys":
            world.accounts("target", 403)
        case "wrong key":
            world.accounts("target", WRONG_KEY)
        case "no login":
            monkeypatch.setitem(
                world.environment, "IDENTITY_ENDPOINT", world.environment["IDENTITY_ENDPOINT"] + "less"
            )
        case "no account":
            accounts = f"/subscriptions/{SUBSCRIPTIONS['target']}/providers/Microsoft.Storage/storageAccounts"
            world.arm.documents[accounts] = {"value": []}
        case "no container":
            with world.service("target") as service:
                service.delete_container("transfer")
        case "no cloud":
            monkeypatch.setitem(world.arm.documents, "/metadata/endpoints", [])
        case "metadata down":
            monkeypatch.setitem(world.environment, "ARM_METADATA_HOSTNAME", "localhost:1")
        case "untrusted":
            monkeypatch.setitem(world.environment, "SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        ("nothing", 3, "1 missing"),
        ("gone at the source", 3, "1 not provable"),
        ("no right to pull", 6, "the role AcrPull"),
        ("registry down", 9, "localhost:1: no answer"),
        ("empty hand-over", 5, "nothing to prove"),
    ],
)
def test_each_failure_of_prove_has_its_code_and_reason(
    world: World, failure: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export(*([] if failure == "empty hand-over" else ["app:v1"]))
    world.registries["source"].put("app", image("one"), "v1")
    if failure == "gone at the source":
        world.registries["source"].manifests.clear()
    if failure == "no right to pull":
        world.registries["target"].token = "another"
    if failure == "registry down":
        world.deploy("target", **{**world.outputs("target"), "loginServer": "localhost:1"})
    done, said, reason = world.run("prove")
    assert (done, words in said + reason) == (code, True), reason


@pytest.mark.parametrize("failure", ["nothing", "no right to list keys", "wrong key", "no right to pull"])
def test_the_loudest_loggers_of_all_libraries_hold_no_secret(
    world: World, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export("app:v1")
    world.registries["source"].put("app", image("one"), "v1")
    _break(world, failure, monkeypatch)
    if failure == "no right to pull":
        world.registries["source"].token = "another"
    for command in ("hop", "prove"):
        _, _, log = world.run(command, program=LOUD)
        assert "DEBUG:azure.identity" in log
