"""A changed byte is found in each way of a copy, wherever it changes, and nothing is shown."""

from __future__ import annotations

import asyncio
import http.client
import os
from collections.abc import Callable, Mapping

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.blob.aio import ContainerClient as Container

from acr_transfer.azure.content.client import ContentClient, Lease
from acr_transfer.azure.content.connection import Request
from acr_transfer.azure.content.transfer_job import TransferJob
from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy import blocks, target_blob
from acr_transfer.copy.hop import Route, hop
from acr_transfer.copy.result import CopyResult, Outcome
from acr_transfer.errors import CopyError, ServiceError
from tests.transfer.damaging_proxy import MARK, damaging
from tests.transfer.fault_proxy import Fault, fault_proxy
from tests.transfer.progress import Progress
from tests.transfer.stores import Store

Export = Callable[..., bytes]
KIB = 1024
BEFORE, AFTER = b"b" * 64 * KIB, b"a" * 100 * KIB
"""The damaged bytes are in the second of three blocks."""


PIPED = pytest.mark.parametrize("way", ["one request"], indirect=True)
BLOCKS = pytest.mark.parametrize("way", ["blocks with MD5", "blocks with CRC64"], indirect=True)


@pytest.fixture(params=["one request", "blocks with MD5", "blocks with CRC64"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 64 * KIB)
    monkeypatch.setattr(blocks, "PIPED_BLOCKS", 8 if request.param == "one request" else 0)
    monkeypatch.setattr(target_blob, "is_azure", lambda _: request.param == "blocks with CRC64")
    return str(request.param)


class Copy:
    """A copy between two containers, each reached through a chosen port."""

    def __init__(self, source: ContainerClient, target: ContainerClient, stores: tuple[Store, Store]) -> None:
        self.urls, self.stores, self.target = [source.url, target.url], stores, target
        self.moved: list[int] = []

    def through(self, side: int, port: int) -> None:
        self.urls[side] = self.urls[side].replace(str(self.stores[side].port), str(port))

    def run(self) -> CopyResult:
        async def run() -> list[CopyResult]:
            throttle = Throttle(tries=1)
            keys = [store.credential() for store in self.stores]
            async with (
                Container.from_container_url(self.urls[0], keys[0], retry_total=0) as leaving,
                Container.from_container_url(self.urls[1], keys[1], retry_total=0) as arriving,
            ):
                progress = Progress(lambda _, size, sent: self.moved.append(size))
                return await hop(["batch1"], Route(leaving, arriving, throttle), progress)

        (result,) = asyncio.run(run())
        return result

    def visible(self) -> list[str]:
        return [blob.name for blob in self.target.list_blobs()]


@pytest.fixture
def copy(source: ContainerClient, target: ContainerClient, source_store: Store, target_store: Store) -> Copy:
    return Copy(source, target, (source_store, target_store))


def test_an_undamaged_blob_arrives(way: str, export: Export, copy: Copy) -> None:
    content = export("batch1", os.urandom(150 * KIB))
    result = copy.run()
    assert (result.outcome, result.sent, sum(copy.moved)) == (Outcome.COPIED, len(content), len(content))
    assert copy.target.download_blob("batch1").readall() == content


def test_a_byte_that_changes_on_the_way_from_the_source_is_found(
    way: str, export: Export, copy: Copy, source_store: Store
) -> None:
    export("batch1", BEFORE + MARK + AFTER)
    with damaging(source_store.port, towards_server=False) as port:
        copy.through(0, port)
        error = copy.run().error
    assert isinstance(error, CopyError)
    assert "hash differs" in str(error)
    assert copy.visible() == []


def test_a_byte_that_changes_in_memory_after_the_read_is_found(
    way: str, export: Export, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Lease.fill

    def fill(self: Lease, job: TransferJob, response: http.client.HTTPResponse, piece: memoryview) -> None:
        real(self, job, response, piece)
        piece[-1] ^= 1

    monkeypatch.setattr(Lease, "fill", fill)
    export("batch1", BEFORE + AFTER)
    error = copy.run().error
    assert isinstance(error, CopyError)
    assert "hash differs" in str(error)
    assert copy.visible() == []


def test_a_byte_that_changes_in_memory_before_it_is_sent_is_found(
    way: str, export: Export, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Lease.send_all

    def send_all(
        self: Lease, job: TransferJob, throttle: Throttle, request: Request, content: memoryview
    ) -> None:
        damaged = bytearray(content)
        damaged[0] ^= 1
        real(self, job, throttle, request, memoryview(damaged))

    monkeypatch.setattr(Lease, "send_all", send_all)
    export("batch1", BEFORE + AFTER)
    error = copy.run().error
    assert isinstance(error, ServiceError)
    assert ("Crc64Mismatch" if way == "blocks with CRC64" else "Md5Mismatch") in str(error)
    assert copy.visible() == []


def test_a_byte_that_changes_on_the_way_to_the_target_is_found(
    way: str, export: Export, copy: Copy, target_store: Store
) -> None:
    export("batch1", BEFORE + MARK + AFTER)
    with damaging(target_store.port, towards_server=True) as port:
        copy.through(1, port)
        error = copy.run().error
    assert isinstance(error, ServiceError)
    assert ("Crc64Mismatch" if way == "blocks with CRC64" else "Md5Mismatch") in str(error)
    assert copy.visible() == []


@PIPED
@pytest.mark.parametrize("side", [0, 1])
def test_a_blob_that_was_damaged_once_in_one_request_is_copied_by_blocks(
    side: int, way: str, export: Export, copy: Copy
) -> None:
    content = export("batch1", os.urandom(150 * KIB))
    with fault_proxy(copy.stores[side].port) as (proxy, port):
        proxy.faults.append(Fault.FALSE)
        copy.through(side, port)
        result = copy.run()
    assert (result.outcome, result.sent, sum(copy.moved)) == (Outcome.COPIED, len(content), len(content))
    assert copy.target.download_blob("batch1").readall() == content


def test_blocks_of_an_earlier_run_do_not_prevent_a_copy_in_one_request(
    way: str, export: Export, copy: Copy
) -> None:
    content = export("batch1", os.urandom(150 * KIB))
    blob = copy.target.get_blob_client("batch1")
    blob.stage_block("x" * 55, b"of another version of the source")
    assert copy.run().outcome is Outcome.COPIED
    assert blob.download_blob().readall() == content


@BLOCKS
def test_the_checksum_of_a_block_is_that_of_the_kind_of_service(
    way: str, export: Export, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = ContentClient.put_block

    async def put_block(
        self: ContentClient,
        name: str,
        block_id: str,
        content: bytes | memoryview,
        headers: Mapping[str, str],
    ) -> None:
        sent.extend(headers)
        await real(self, name, block_id, content, headers)

    monkeypatch.setattr(ContentClient, "put_block", put_block)
    export("batch1", os.urandom(150 * KIB))
    assert copy.run().outcome is Outcome.COPIED
    assert set(sent) == {"x-ms-content-crc64" if way == "blocks with CRC64" else "Content-MD5"}
