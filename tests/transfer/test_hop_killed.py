"""The real command, killed again and again: kill -9 costs nothing but time."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from tests.transfer.small_cloud import Answers, Authority
from tests.transfer.stores import Store, azurite
from transfer import documents
from transfer.blocks import CATEGORY

ROOT = Path(__file__).parents[2]
BLOCK = 64 * 1024
PROGRAM = (
    f"import sys; from transfer import blocks; blocks.BLOCK_SIZE = {BLOCK}; "
    "from transfer.__main__ import main; sys.exit(main())"
)
LOUD = f"import logging; logging.basicConfig(level=1); {PROGRAM}"


def bearer() -> str:
    """A token as Entra gives it out for storage, but for its signature."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/50000000-0000-4000-8000-000000000001/",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 3600,
        "oid": "50000000-0000-4000-8000-000000000002",
        "tid": "50000000-0000-4000-8000-000000000001",
    }
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    spelled = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*spelled, "not-signed"])


@dataclass
class Clouds:
    """Two storage servers that take the caller's token, and the command in a shell of that caller."""

    stores: tuple[Store, Store]
    environment: dict[str, str]
    folder: Path
    token: str
    said: str = ""
    names: list[str] = field(default_factory=list)
    """The blobs of the newest hand-over."""

    def service(self, side: int) -> BlobServiceClient:
        store = self.stores[side]
        return BlobServiceClient(
            store.url, store.credential(), connection_verify=self.environment["SSL_CERT_FILE"]
        )

    def container(self, side: int) -> ContainerClient:
        return self.service(side).get_container_client("transfer")

    def export(self, *contents: bytes) -> Path:
        """What an export leaves: blobs and a hand-over, here as a file."""
        self.names = [f"b{uuid.uuid4().hex}" for _ in contents]
        for name, content in zip(self.names, contents, strict=True):
            md5 = ContentSettings(content_md5=bytearray(hashlib.md5(content).digest()))
            blob = self.container(0).get_blob_client(name)
            blob.upload_blob(content, metadata={"category": CATEGORY}, content_settings=md5)
        handover = {
            "schema": 1,
            "source": {"loginServer": "source.example", "containerUrl": f"{self.stores[0].url}/transfer"},
            "blobs": [{"name": name, "artifacts": ["a:1"]} for name in self.names],
            "artifacts": [],
        }
        path = self.folder / "handover.json"
        path.write_text(json.dumps({**handover, "checksum": documents.checksum(handover)}))
        return path

    def start(self, *line: str, program: str = PROGRAM) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, *line],
            env={**self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs the tests in the background has it ignored, and that is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *line: str, program: str = PROGRAM) -> tuple[int, str, str]:
        with self.start(*line, program=program) as process:
            out, err = process.communicate()
        self.said += out + err
        return process.returncode, out, err


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    folder = tmp_path_factory.mktemp("clouds")
    (folder / "source").mkdir()
    (folder / "target").mkdir()
    authority, token = Authority.make(folder), bearer()
    certificate = (authority.chain, authority.key)
    with ExitStack() as stack:
        (leaving,) = stack.enter_context(azurite(folder / "source", "leaving", certificate=certificate))
        (arriving,) = stack.enter_context(azurite(folder / "target", "arriving", certificate=certificate))
        arm = Answers(token=token)
        here = stack.enter_context(authority.serve(arm))
        arm.documents["/metadata/endpoints"] = [
            {
                "name": "Small",
                "resourceManager": f"https://{here}/",
                "authentication": {
                    "loginEndpoint": f"https://{here}",
                    "audiences": ["https://small.invalid"],
                },
            }
        ]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SSL_CERT_FILE": str(authority.trusted),
            "REQUESTS_CA_BUNDLE": str(authority.trusted),
            "ARM_METADATA_HOSTNAME": here,
            "ARM_ENVIRONMENT": "small",
            "IDENTITY_ENDPOINT": f"https://{here}/token",
            "IDENTITY_HEADER": "header",
            "AZURE_TOKEN_CREDENTIALS": "managedidentitycredential",
        }
        clouds = Clouds((leaving, arriving), environment, folder, token)
        for side in (0, 1):
            with clouds.service(side) as service:
                service.create_container("transfer")
        yield clouds


@pytest.fixture(autouse=True)
def _no_secret_is_said(clouds: Clouds) -> Iterator[None]:
    clouds.said = ""
    yield
    for secret in (clouds.token, clouds.token.split(".")[1], *(store.key for store in clouds.stores), "sig="):
        assert secret not in clouds.said


def test_killed_ten_times_it_finishes_and_sends_no_finished_block_again(clouds: Clouds) -> None:
    content = os.urandom(60 * BLOCK + 7)
    handover = clouds.export(content)
    target, name = clouds.stores[1], clouds.names[0]
    line = ("hop", "--handover", str(handover), "--container-url", f"{target.url}/transfer")
    chance = random.Random(7)
    for _ in range(10):
        before = len(target.blocks_taken(name))
        wanted = before + chance.randint(0, 5)
        with clouds.start(*line, "--cap", "4M") as process:
            while len(target.blocks_taken(name)) < wanted and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.random() / 30)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert list(clouds.container(1).list_blobs()) == []
    killed_with = len(target.blocks_taken(name))
    code, said, _ = clouds.run(*line, "--json")
    assert (code, json.loads(said)["blobs"][0]["outcome"]) == (0, "copied")
    taken = target.blocks_taken(name)
    assert 10 < killed_with < 61
    assert len(taken) == len(set(taken))
    # A block that was in when its sender died has no answer in the server's log, one a kill at most.
    assert 51 <= len(taken) <= 61
    assert clouds.container(1).download_blob(name).readall() == content


def test_ctrl_c_says_how_to_go_on(clouds: Clouds) -> None:
    handover = clouds.export(os.urandom(4 * BLOCK))
    target, name = clouds.stores[1], clouds.names[0]
    line = ("hop", "--handover", str(handover), "--container-url", f"{target.url}/transfer", "--cap", "64K")
    with clouds.start(*line) as process:
        while not target.blocks_taken(name) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "To go on, run the same again:\n  acr-transfer hop --handover" in said
    assert "Traceback" not in said


def test_the_loudest_loggers_hold_no_token_and_no_link(clouds: Clouds) -> None:
    handover = clouds.export(b"content")
    line = ("hop", "--handover", str(handover), "--container-url", f"{clouds.stores[1].url}/transfer")
    code, _, log = clouds.run(*line, program=LOUD)
    assert code == 0
    assert "DEBUG:azure.identity" in log
    assert "Request method: 'PUT'" in log


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["--handover", "nowhere.json"], 10, "hand-over nowhere.json cannot be read"),
        (["--container-url", "https://a/c?sv=1&sig=secret"], 4, "not a plain https URL"),
        (["--cap", "fast"], 2, "'fast' is no size"),
        (["--way", "server"], 8, "cannot read the source (404 CannotVerifyCopySource)"),
    ],
)
def test_bad_input_is_named(clouds: Clouds, line: list[str], code: int, words: str) -> None:
    usual = [
        "--handover",
        str(clouds.export(os.urandom(9))),
        "--container-url",
        f"{clouds.stores[1].url}/transfer",
    ]
    done, _, said = clouds.run("hop", *usual, *line)
    assert (done, words in said) == (code, True), said
