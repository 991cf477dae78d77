"""Two storage servers that accept the caller's token, and the real command in that caller's environment."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from acr_transfer.copy.blocks import CATEGORY
from acr_transfer.model.documents.handover import Handover
from tests import leak_scan
from tests.transfer.small_cloud import Answers, Authority
from tests.transfer.stores import Store, azurite

ROOT = Path(__file__).parents[2]
BLOCK = 64 * 1024
PROGRAM = (
    f"import sys; from acr_transfer.copy import blocks; blocks.BLOCK_SIZE = {BLOCK}; "
    "from acr_transfer.__main__ import main; sys.exit(main())"
)
LOUD = f"import logging; logging.basicConfig(level=1); {PROGRAM}"


def bearer() -> str:
    """A token as Entra issues it for storage, without a valid signature."""
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
    """Two storage servers that accept the caller's token, and the command in that caller's environment."""

    stores: tuple[Store, Store]
    environment: dict[str, str]
    folder: Path
    token: str
    output: str = ""
    names: list[str] = field(default_factory=list)
    """The blobs of the latest hand-over."""

    def service(self, side: int) -> BlobServiceClient:
        store = self.stores[side]
        return BlobServiceClient(
            store.url, store.credential(), connection_verify=self.environment["SSL_CERT_FILE"]
        )

    def container(self, side: int) -> ContainerClient:
        return self.service(side).get_container_client("transfer")

    def export(self, *contents: bytes) -> Path:
        """Write blobs as an export run does, and a hand-over file."""
        self.names = [f"b{uuid.uuid4().hex}" for _ in contents]
        for name, content in zip(self.names, contents, strict=True):
            md5 = ContentSettings(content_md5=bytearray(hashlib.md5(content).digest()))
            blob = self.container(0).get_blob_client(name)
            blob.upload_blob(content, metadata={"category": CATEGORY}, content_settings=md5)
        return self.hand_over(self.folder / "handover.json", self.names)

    def hand_over(self, path: Path, names: list[str]) -> Path:
        """Write a hand-over of these blobs."""
        blobs = [{"name": name, "artifacts": ["a:1"]} for name in names]
        Handover.of("source.example", f"{self.stores[0].url}/transfer", blobs).write(path)
        return path

    def start(
        self, *line: str, program: str = PROGRAM, output: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, *line],
            env={**self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            stdout=output,
            stderr=output,
            text=True,
            # A shell ignores SIGINT in its background jobs, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def secrets(self) -> list[str]:
        """Texts that no output may contain."""
        return [self.token, self.token.split(".")[1], *(store.key for store in self.stores), "sig="]

    def run(self, *line: str, program: str = PROGRAM) -> tuple[int, str, str]:
        with leak_scan.watched(), self.start(*line, program=program) as process:
            out, err = process.communicate()
        self.output += out + err
        leak_scan.know("token or key of these clouds", *self.secrets()[:-1])
        leak_scan.hear(out, err)
        return process.returncode, out, err


@contextmanager
def caller(folder: Path, authority: Authority, arm: Answers) -> Iterator[dict[str, str]]:
    """The environment of a caller who signs in at a small cloud with a managed identity."""
    with authority.serve(arm) as here:
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
        yield {
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


@contextmanager
def two_clouds(folder: Path) -> Iterator[Clouds]:
    """Both servers, each with an empty container `transfer`."""
    (folder / "source").mkdir()
    (folder / "target").mkdir()
    authority, token = Authority.make(folder), bearer()
    secure: Any = {"certificate": (authority.chain, authority.key), "tokens": True}
    with ExitStack() as stack:
        (leaving,) = stack.enter_context(azurite(folder / "source", "leaving", **secure))
        (arriving,) = stack.enter_context(azurite(folder / "target", "arriving", **secure))
        environment = stack.enter_context(caller(folder, authority, Answers(token=token)))
        clouds = Clouds((leaving, arriving), environment, folder, token)
        for side in (0, 1):
            with clouds.service(side) as service:
                service.create_container("transfer")
        yield clouds
