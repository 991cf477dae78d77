"""hop between two real storage servers copies a blob completely and checked, or not at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient, ContentSettings
from azure.storage.blob.aio import ContainerClient as Container

from acr_transfer.copy import blocks
from acr_transfer.copy.blocks import CATEGORY
from acr_transfer.copy.hop import Route, hop
from acr_transfer.copy.result import CopyResult, Outcome
from acr_transfer.errors import CopyError, MissingError, NothingExportedError, ServiceError, TransferError
from tests.transfer.damaging_proxy import MARK, damaging
from tests.transfer.progress import Progress
from tests.transfer.stores import Store

Export = Callable[..., bytes]
KIB = 1024


class Sides:
    """The two containers, each reached through a chosen port."""

    def __init__(self, source: ContainerClient, target: ContainerClient, stores: tuple[Store, Store]) -> None:
        self.urls = [source.url, target.url]
        self._stores = stores

    def through(self, side: int, port: int) -> None:
        """Reach one side (0 source, 1 target) through another port."""
        self.urls[side] = self.urls[side].replace(str(self._stores[side].port), str(port))

    def hop(self, *names: str, advance: Callable[..., None] = lambda *_: None) -> list[CopyResult]:
        """Run `hop` for these blobs."""
        return asyncio.run(self._hop(names, advance))

    async def _hop(self, names: Sequence[str], advance: Callable[..., None]) -> list[CopyResult]:
        keys = [store.credential() for store in self._stores]
        async with (
            Container.from_container_url(self.urls[0], keys[0], retry_total=0) as leaving,
            Container.from_container_url(self.urls[1], keys[1], retry_total=0) as arriving,
        ):
            return await hop(names, Route(leaving, arriving), Progress(advance))


@pytest.fixture
def sides(
    source: ContainerClient, target: ContainerClient, source_store: Store, target_store: Store
) -> Sides:
    return Sides(source, target, (source_store, target_store))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many blocks without many bytes."""
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 64 * KIB)


def arrived(target: ContainerClient, name: str) -> tuple[bytes, BlobProperties]:
    blob = target.get_blob_client(name)
    return blob.download_blob().readall(), blob.get_blob_properties()


def visible(target: ContainerClient) -> list[str]:
    return [blob.name for blob in target.list_blobs()]


def failure(carried: CopyResult) -> TransferError:
    assert carried.outcome is Outcome.FAILED
    assert carried.error is not None
    return carried.error


def test_content_md5_type_and_all_metadata_arrive(
    export: Export, target: ContainerClient, sides: Sides, small_blocks: None
) -> None:
    content = export("batch1", os.urandom(1000 * KIB + 7), batch="1", madeBy="exportPipeline")
    (carried,) = sides.hop("batch1")
    got, there = arrived(target, "batch1")
    assert got == content
    assert bytes(there.content_settings.content_md5 or b"") == hashlib.md5(content).digest()
    assert there.content_settings.content_type == "application/x-tar"
    assert there.metadata == {"category": CATEGORY, "batch": "1", "madeBy": "exportPipeline"}
    assert (carried.outcome, carried.blob.size) == (Outcome.COPIED, len(content))
    assert base64.b64decode(carried.blob.md5_text) == hashlib.md5(content).digest()


@pytest.mark.parametrize("name", ["plain", "prefix/with space/ü#?%41.tar"])
@pytest.mark.parametrize("size", [0, 1, 64 * KIB, 64 * KIB + 1])
def test_any_name_and_size_arrives(
    name: str, size: int, export: Export, target: ContainerClient, sides: Sides, small_blocks: None
) -> None:
    content = export(name, os.urandom(size))
    sides.hop(name)
    assert arrived(target, name)[0] == content


def test_an_equal_blob_is_skipped_and_not_written_again(
    export: Export, target: ContainerClient, sides: Sides
) -> None:
    export("batch1", b"one")
    sides.hop("batch1")
    before = arrived(target, "batch1")[1].etag
    assert [blob.outcome for blob in sides.hop("batch1", "batch1")] == [Outcome.PRESENT]
    assert arrived(target, "batch1")[1].etag == before


@pytest.mark.parametrize("lost", ["content", "md5", "category"])
def test_a_blob_that_the_trigger_would_ignore_is_replaced(
    lost: str, export: Export, target: ContainerClient, sides: Sides
) -> None:
    content = export("batch1", b"one")
    md5 = None if lost == "md5" else bytearray(hashlib.md5(content).digest())
    target.upload_blob("batch1", b"two" if lost == "content" else content)
    blob = target.get_blob_client("batch1")
    blob.set_blob_metadata({} if lost == "category" else {"category": CATEGORY})
    blob.set_http_headers(ContentSettings(content_md5=None if lost == "content" else md5))
    assert sides.hop("batch1")[0].outcome is Outcome.COPIED
    got, there = arrived(target, "batch1")
    assert (got, there.metadata) == (content, {"category": CATEGORY})
    assert bytes(there.content_settings.content_md5 or b"") == hashlib.md5(content).digest()


def test_a_source_that_changes_during_the_copy_ends_it(
    export: Export, target: ContainerClient, sides: Sides, small_blocks: None
) -> None:
    export("batch1", os.urandom(40 * 64 * KIB))
    changes = iter([os.urandom(40 * 64 * KIB)])

    def change(name: str, *_: object) -> None:
        for content in changes:
            export(name, content)

    error = failure(sides.hop("batch1", advance=change)[0])
    assert isinstance(error, CopyError)
    assert "source changed" in str(error)
    assert visible(target) == []


def test_a_source_deleted_during_the_copy_ends_it(
    export: Export, source: ContainerClient, target: ContainerClient, sides: Sides, small_blocks: None
) -> None:
    export("batch1", os.urandom(40 * 64 * KIB))
    blob = source.get_blob_client("batch1")

    def delete(*_: object) -> None:
        if blob.exists():
            blob.delete_blob()

    assert "was removed" in str(failure(sides.hop("batch1", advance=delete)[0]))
    assert visible(target) == []


def test_a_target_that_another_client_writes_during_the_copy_is_kept(
    export: Export, target: ContainerClient, sides: Sides
) -> None:
    export("batch1", b"ours")

    def write(name: str, *_: object) -> None:
        target.upload_blob(name, b"theirs", overwrite=True)

    assert "another client" in str(failure(sides.hop("batch1", advance=write)[0]))
    assert arrived(target, "batch1")[0] == b"theirs"


def test_bytes_damaged_on_the_way_from_the_source_are_never_committed(
    export: Export, target: ContainerClient, sides: Sides, source_store: Store
) -> None:
    export("batch1", MARK)
    export("batch2", b"sound")
    with damaging(source_store.port, towards_server=False) as port:
        sides.through(0, port)
        damaged, sound = sides.hop("batch1", "batch2")
    assert "hash differs" in str(failure(damaged))
    assert sound.outcome is Outcome.COPIED
    assert visible(target) == ["batch2"]


def test_bytes_damaged_on_the_way_to_the_target_are_never_committed(
    export: Export, target: ContainerClient, sides: Sides, target_store: Store
) -> None:
    export("batch1", MARK)
    with damaging(target_store.port, towards_server=True) as port:
        sides.through(1, port)
        error = failure(sides.hop("batch1")[0])
    assert isinstance(error, ServiceError)
    assert "Md5Mismatch" in str(error)
    assert visible(target) == []


def test_a_source_whose_md5_is_not_that_of_its_bytes_is_never_committed(
    export: Export, target: ContainerClient, sides: Sides
) -> None:
    export("batch1", b"content", md5=hashlib.md5(b"other").digest())
    assert "hash differs" in str(failure(sides.hop("batch1")[0]))
    assert visible(target) == []


def test_every_fault_of_the_source_is_named_before_anything_is_copied(
    export: Export, source: ContainerClient, target: ContainerClient, sides: Sides
) -> None:
    export("good", b"good")
    source.upload_blob("foreign", b"x")
    source.get_blob_client("foreign").set_http_headers(ContentSettings(content_md5=None))
    with pytest.raises(NothingExportedError) as refused:
        sides.hop("good", "absent", "foreign")
    assert "absent: the blob does not exist: its export run has not succeeded" in str(refused.value)
    assert f"foreign: has no Content-MD5 and no metadata category={CATEGORY}" in str(refused.value)
    assert visible(target) == []


def test_an_empty_hand_over_is_refused(sides: Sides) -> None:
    with pytest.raises(NothingExportedError, match="nothing was exported"):
        sides.hop()


def test_a_missing_container_is_named(export: Export, target: ContainerClient, sides: Sides) -> None:
    export("batch1", b"x")
    target.delete_container()
    with pytest.raises(MissingError, match=f"container {target.container_name} .* does not exist"):
        sides.hop("batch1")


def test_a_storage_server_that_is_down_is_named(
    export: Export, target: ContainerClient, sides: Sides
) -> None:
    export("batch1", b"x")
    sides.through(1, 1)
    with pytest.raises(ServiceError, match=r"localhost:1: no response \(.*Check the network"):
        sides.hop("batch1")


_KILLED_IN_THE_MIDDLE = """
import asyncio, json, sys, time
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob.aio import ContainerClient
from acr_transfer.copy import blocks
from acr_transfer.copy.hop import Route, hop
from tests.transfer.progress import Progress
blocks.BLOCK_SIZE = 65536
arrived = 0
def advance(name, size, sent):
    global arrived
    arrived += 1
    if arrived == 20:
        print("half way", flush=True)
        time.sleep(60)
async def main(sides):
    clients = [ContainerClient.from_container_url(url, AzureNamedKeyCredential(*key)) for url, *key in sides]
    async with clients[0], clients[1]:
        await hop(["batch1"], Route(*clients), Progress(advance))
asyncio.run(main(json.loads(sys.stdin.readline())))
"""


def test_a_killed_run_shows_no_blob_and_the_next_run_completes(
    export: Export,
    target: ContainerClient,
    sides: Sides,
    source_store: Store,
    target_store: Store,
    small_blocks: None,
) -> None:
    content = export("batch1", os.urandom(40 * 64 * KIB))
    keys = [(store.account, store.key) for store in (source_store, target_store)]
    call = [sys.executable, "-c", _KILLED_IN_THE_MIDDLE]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        call, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        line = [[url, *key] for url, key in zip(sides.urls, keys, strict=True)]
        process.stdin.write(str(line).replace("'", '"') + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "half way\n"
        process.send_signal(signal.SIGKILL)
    assert visible(target) == []
    with pytest.raises(ResourceNotFoundError):
        target.get_blob_client("batch1").get_blob_properties()
    assert sides.hop("batch1")[0].outcome is Outcome.COPIED
    assert arrived(target, "batch1")[0] == content
