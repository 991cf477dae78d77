"""Copies between the storage services of the two clouds, by the real command and by the whole `ship`."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from sandbox.cloud.cloud import ACCOUNTS, Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.samples import artifacts
from sandbox.storage import blobs
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice, fault
from tests.transfer.two_clouds import LOUD

SIDES = ("--source", "server-source", "--target", "server-target")
MIB = 1024 * 1024
FAST = (
    "import sys; from acr_transfer.azure import storage_retry; "
    "storage_retry.wait_before_retry = lambda *_: 0.01; "
    "from acr_transfer.__main__ import main; sys.exit(main())"
)
"""The command without pauses between attempts."""

BLOCKS = f"from acr_transfer.copy import blocks; blocks.FETCHED_BYTES, blocks.BLOCK_SIZE = 0, {MIB}; {FAST}"
"""The command that takes every blob for one of more than 5,000 MiB, with smaller blocks."""


class Pair:
    """Two stacks, of which the source's has exported, and their containers."""

    def __init__(self, project: Project, paths: Paths) -> None:
        self.project, self.paths = project, paths
        self.containers = [self._container(definition.side) for definition in CLOUDS]

    def _container(self, side: str) -> ContainerClient:
        (definition,) = (each for each in CLOUDS if each.side == side)
        cloud = Cloud(definition, self.paths)
        url = str(self.project.outputs(f"server-{side}")["containerUrl"])
        account, name = url.split("/")[-2:]
        (body,) = (body for body in cloud.resources.of_type(ACCOUNTS) if body["name"] == account)
        key, trusted = blobs.keys(cloud, body)[0], str(self.paths.authority)
        cloud.database.close()
        service = BlobServiceClient(url.rpartition("/")[0], key, connection_verify=trusted)
        return service.get_container_client(name)

    def contents(self, side: int) -> dict[str, bytes]:
        """The visible blobs of a container."""
        container = self.containers[side]
        return {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}

    @property
    def largest(self) -> str:
        """The path of the largest blob of the hand-over."""
        found = max(self.containers[0].list_blobs(), key=lambda blob: int(blob.size))
        return f"/{found.name}"

    def hop(self, *options: str, program: str = FAST) -> tuple[int, str]:
        """The real command: its exit code, and both its streams."""
        ended = self.project.attempt(sys.executable, "-c", program, "hop", *SIDES, *options)
        return ended.returncode, ended.stdout

    def results(self, *options: str, program: str = FAST) -> list[dict[str, Any]]:
        """The results of a copy that succeeds."""
        code, said = self.hop("--json", "--quiet", *options, program=program)
        assert code == 0, said
        found: list[dict[str, Any]] = json.loads(said)["blobs"]
        return found


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    paths: Paths,
) -> Pair:
    project = Project.made(tmp_path_factory.mktemp("a pair"), checkout, sandbox_environment)
    project.source("server-source", artifacts())
    project.target("server-target", "server-source", sourceTriggerStatus="Disabled")
    project.up("server-source")
    project.up("server-target")
    return Pair(project, paths)


@pytest.fixture(autouse=True)
def _empty_target(pair: Pair, request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with an empty container at the target, and no signature is in an output."""
    for blob in pair.containers[1].list_blobs():
        pair.containers[1].delete_blob(blob.name)
    pair.project.said = ""
    yield
    assert "sig=" not in pair.project.said
    assert "sig%3D" not in pair.project.said


@pytest.fixture
def reachable(pair: Pair) -> Iterator[None]:
    """The target's storage reads the source's."""
    with choice(pair.paths, "target", "other-cloud", "reachable"):
        yield


def test_a_target_that_cannot_read_the_source_gets_everything_through_this_machine(pair: Pair) -> None:
    code, said = pair.hop()
    reason = "the target's storage cannot read the source (404 CannotVerifyCopySource)"
    assert (code, said.splitlines()[-1]) == (0, f"through this machine: {reason}")
    assert pair.contents(1) == pair.contents(0)
    code, said = pair.hop("--way", "server")
    assert code == 0, said  # nothing needs a copy any more


def test_a_required_server_side_copy_that_is_impossible_fails_with_the_reason(pair: Pair) -> None:
    code, said = pair.hop("--way", "server")
    assert (code, "cannot read the source (404 CannotVerifyCopySource). `--way stream` sends" in said) == (
        8,
        True,
    ), said
    assert pair.contents(1) == {}


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("program", [FAST, BLOCKS], ids=["one request", "blocks"])
def test_content_and_properties_are_copied_from_server_to_server(program: str, pair: Pair) -> None:
    results = pair.results("--way", "server", program=program)
    assert {(each["outcome"], each["way"]) for each in results} == {("copied", "server")}
    assert all(each["sentBytes"] == each["size"] for each in results)
    assert pair.contents(1) == pair.contents(0)
    for each in results:
        sides = [
            container.get_blob_client(each["name"]).get_blob_properties() for container in pair.containers
        ]
        source, target = ((found.metadata, found.content_settings) for found in sides)
        assert target == source
        md5 = base64.b64encode(bytes(sides[1].content_settings.content_md5 or b"")).decode()
        assert md5 == each["contentMd5"]


@pytest.mark.usefixtures("reachable")
def test_a_byte_that_changes_between_the_services_is_found_before_a_blob_exists(pair: Pair) -> None:
    with fault(pair.paths, "source", "storage", method="GET", path=pair.largest, damage=True) as damaged:
        code, said = pair.hop("--way", "server")
        assert damaged() > 0
    assert (code, "hash differs" in said) == (8, True), said
    assert pair.largest[1:] not in pair.contents(1)
    pair.results("--way", "server")
    assert pair.contents(1) == pair.contents(0)


@pytest.mark.usefixtures("reachable")
def test_an_interrupted_copy_in_blocks_continues_with_the_missing_ones(pair: Pair) -> None:
    blocks = f"{pair.largest}?*comp=block&"
    with fault(pair.paths, "target", "storage", method="PUT", path=blocks, status=503, skip=20):
        code, said = pair.hop("--way", "server", program=BLOCKS)
    assert (code, "could not read the source in 7 attempts (503 ServerBusy)" in said) == (8, True), said
    assert pair.largest[1:] not in pair.contents(1)
    (result,) = (each for each in pair.results(program=BLOCKS) if each["outcome"] == "copied")
    assert (result["way"], result["size"] - result["sentBytes"]) == ("server", 20 * MIB)
    assert pair.contents(1) == pair.contents(0)


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("answer", ["conflict", "status"])
def test_a_source_that_is_busy_for_a_while_is_read_later(answer: str, pair: Pair) -> None:
    busy = fault(pair.paths, "source", "storage", method="GET", path=pair.largest, status=503, times=2)
    with choice(pair.paths, "target", "busy-copy-source", answer), busy as times:
        assert {each["way"] for each in pair.results()} == {"server"}
        assert times() == 2
    assert pair.contents(1) == pair.contents(0)


@pytest.mark.usefixtures("reachable")
def test_a_target_that_stays_busy_is_said_to_be_busy(pair: Pair) -> None:
    """The copies from server to server fail, and what is streamed arrives."""
    with fault(pair.paths, "target", "storage", method="PUT", status=500, times=7) as busy:
        code, said = pair.hop()
        assert busy() == 7
    reason = "the target's storage could not read the source in 7 attempts (500 InternalError)"
    assert (code, said.splitlines()[-1]) == (0, f"through this machine: {reason}")
    assert pair.contents(1) == pair.contents(0)


@pytest.mark.usefixtures("reachable")
def test_a_blob_without_content_decides_nothing(pair: Pair) -> None:
    """It is the first of the hand-over, and the others are still copied from server to server."""
    handover = pair.project.outputs("server-source")["handover"]
    empty = pair.containers[0].get_blob_client("a-blob-without-content")
    first = pair.containers[0].get_blob_client(handover["blobs"][0]["name"]).get_blob_properties()
    first.content_settings.content_md5 = bytearray(base64.b64decode("1B2M2Y8AsgTpgAmY7PhCfg=="))
    empty.upload_blob(b"", metadata=first.metadata, content_settings=first.content_settings)
    code = (
        "from acr_transfer.model.documents.handover import Handover; "
        "real = Handover.blob_names.fget; "
        "Handover.blob_names = property(lambda self: ['a-blob-without-content', *real(self)]); "
    )
    results = pair.results(program=code + FAST)
    assert [each["way"] for each in results[1:]] == ["server"] * (len(results) - 1)
    empty.delete_blob()
    assert pair.contents(1).pop("a-blob-without-content") == b""


@pytest.mark.usefixtures("reachable")
def test_the_loudest_loggers_hold_no_link(pair: Pair) -> None:
    code, said = pair.hop("--way", "server", program=LOUD)
    assert code == 0
    assert "x-ms-copy-source" in said


@pytest.mark.usefixtures("reachable")
def test_a_whole_transfer_from_server_to_server_is_proved(pair: Pair) -> None:
    enabled = ("acr-transfer:sourceTriggerStatus", "Enabled", "--stack", "server-target")
    pair.project.run("pulumi", "config", "set", *enabled)
    said = pair.project.run("acr-transfer", "ship", *SIDES, "--wait", "120")
    assert "server to server: the target's storage reads the source directly" in said
    assert f"{len(artifacts())} of {len(artifacts())} artifacts proved" in said
