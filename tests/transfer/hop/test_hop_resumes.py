"""hop resumes after any interruption: it shows no wrong content and sends no finished block again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings, generate_blob_sas
from azure.storage.blob.aio import ContainerClient as Container
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from acr_transfer.azure.containers import ReadLink
from acr_transfer.azure.storage_retry import StorageRetry
from acr_transfer.azure.throttle import MEMORY, Throttle
from acr_transfer.copy import blocks
from acr_transfer.copy.blocks import CATEGORY
from acr_transfer.copy.hop import Route, hop
from acr_transfer.copy.result import CopyMode, CopyResult, Outcome
from acr_transfer.errors import CopyError
from tests.transfer.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.transfer.progress import Progress
from tests.transfer.stores import Store

Export = Callable[..., bytes]
KIB = 1024


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 64 * KIB)


class Ends:
    """Two containers, each behind a proxy."""

    def __init__(self, source: ContainerClient, target: ContainerClient, stores: tuple[Store, Store]) -> None:
        self.containers, self.stores = (source, target), stores
        self.proxies: list[FaultProxy] = []
        self.ports: list[int] = []
        self._running: asyncio.Task[Any] | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Ends]:
        with fault_proxy(self.stores[0].port) as leaving, fault_proxy(self.stores[1].port) as arriving:
            self.proxies, self.ports = [leaving[0], arriving[0]], [leaving[1], arriving[1]]
            yield self

    def hop(
        self,
        *names: str,
        throttle: Throttle | None = None,
        tries: int = 1,
        link: ReadLink | None = None,
        mode: CopyMode = CopyMode.AUTO,
        advance: Callable[..., None] = lambda *_: None,
    ) -> list[CopyResult]:
        async def run() -> list[CopyResult]:
            self._running = asyncio.current_task()
            chosen = throttle or Throttle()
            chosen.tries = tries
            async with contextlib.AsyncExitStack() as stack:
                clients = [
                    await stack.enter_async_context(
                        Container.from_container_url(
                            container.url.replace(str(store.port), str(port)),
                            store.credential(),
                            retry_policy=StorageRetry(chosen),
                        )
                    )
                    for container, store, port in zip(self.containers, self.stores, self.ports, strict=True)
                ]
                route = Route(clients[0], clients[1], chosen, link, mode)
                return await hop(names, route, Progress(advance))

        return asyncio.run(run())

    def stop(self) -> None:
        """Cancel the current run."""
        assert self._running
        self._running.cancel()


@pytest.fixture
def ends(
    source: ContainerClient, target: ContainerClient, source_store: Store, target_store: Store
) -> Iterator[Ends]:
    with Ends(source, target, (source_store, target_store)).opened() as opened:
        yield opened


def test_a_failed_run_resumes_and_sends_no_block_twice(
    export: Export, target: ContainerClient, ends: Ends
) -> None:
    content = export("batch1", os.urandom(20 * 64 * KIB))
    ends.proxies[1].faults.extend([Fault.NONE] * 7 + [Fault.BUSY])
    assert ends.hop("batch1", throttle=Throttle(max_in_flight=1))[0].outcome is Outcome.FAILED
    assert list(target.list_blobs()) == []
    done = len(ends.proxies[1].finished)
    assert done == 7
    (carried,) = ends.hop("batch1")
    assert carried.outcome is Outcome.COPIED
    assert carried.sent == len(content) - done * 64 * KIB
    assert ends.proxies[1].again == []
    assert target.download_blob("batch1").readall() == content


def test_a_changed_source_is_copied_from_the_start(
    export: Export, target: ContainerClient, ends: Ends
) -> None:
    first = export("batch1", os.urandom(20 * 64 * KIB))
    ends.proxies[1].faults.extend([Fault.NONE] * 7 + [Fault.BUSY])
    ends.hop("batch1")
    second = export("batch1", first[: 10 * 64 * KIB] + os.urandom(10 * 64 * KIB))
    (carried,) = ends.hop("batch1")
    assert carried.sent == len(second)
    assert target.download_blob("batch1").readall() == second


def test_blocks_that_another_tool_left_are_explained(
    export: Export, target: ContainerClient, ends: Ends
) -> None:
    export("batch1", os.urandom(64 * KIB))
    target.get_blob_client("batch1").stage_block("theirs", b"x")
    (carried,) = ends.hop("batch1")
    assert "another tool has left uncommitted blocks" in str(carried.error)


@pytest.mark.parametrize("status", [503, 429])
def test_a_throttling_service_gets_fewer_requests_and_not_before_retry_after(
    status: int, export: Export, target: ContainerClient, ends: Ends
) -> None:
    content = export("batch1", os.urandom(40 * 64 * KIB))
    proxy, throttle = ends.proxies[1], Throttle()
    proxy.busy_with = status
    proxy.faults.extend([Fault.NONE] * 4 + [Fault.BUSY] * 3)
    begun = time.monotonic()
    assert ends.hop("batch1", throttle=throttle, tries=4)[0].outcome is Outcome.COPIED
    assert time.monotonic() - begun >= 1.0  # Retry-After was 1
    assert target.download_blob("batch1").readall() == content
    assert throttle.throttled_responses == 3
    assert throttle.limit < 16


def test_a_service_that_keeps_throttling_is_named_and_no_blob_is_visible(
    export: Export, target: ContainerClient, ends: Ends
) -> None:
    export("batch1", b"x")
    ends.proxies[1].faults.extend([Fault.BUSY] * 9)
    (carried,) = ends.hop("batch1", tries=2)
    assert "localhost" in str(carried.error)
    assert "503" in str(carried.error)
    assert list(target.list_blobs()) == []


def test_the_cap_holds(export: Export, ends: Ends) -> None:
    export("batch1", os.urandom(8 * 64 * KIB))
    begun = time.monotonic()
    ends.hop("batch1", throttle=Throttle(cap=512 * KIB))
    # All but the last piece wait: read in pieces of 128 KiB, sent in pieces of 16 KiB.
    assert time.monotonic() - begun >= 0.75


def test_memory_is_bounded_and_a_larger_block_is_copied_alone() -> None:
    async def fill() -> tuple[int, int]:
        throttle, waiting = Throttle(max_in_flight=100), []
        for _ in range(20):
            waiting.append(asyncio.create_task(throttle.enter(MEMORY // 8)))
        large = asyncio.create_task(throttle.enter(MEMORY * 2))
        await asyncio.sleep(0)
        small = sum(task.done() for task in waiting)
        for _ in range(20):
            throttle.leave(MEMORY // 8)
            await asyncio.sleep(0)
        return small, int(large.done())

    assert asyncio.run(fill()) == (8, 1)


def test_a_cancelled_wait_holds_no_room() -> None:
    async def fill() -> bool:
        throttle = Throttle(max_in_flight=1)
        await throttle.enter(1)
        waits = asyncio.create_task(throttle.enter(1))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
        throttle.leave(1)
        await asyncio.wait_for(throttle.enter(1), 1)
        return True

    assert asyncio.run(fill())


# A server-side copy in blocks. Azurite reads only from itself, so both ends are containers of one server;
# tests/engine/test_server_side.py has copies between two clouds.


@pytest.fixture
def one_server(
    source: ContainerClient, source_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ends]:
    monkeypatch.setattr(blocks, "FETCHED_BYTES", 0)
    with BlobServiceClient(source_store.url, source_store.credential()) as service:
        target = service.create_container(f"{source.container_name}t")
        with Ends(source, target, (source_store, source_store)).opened() as ends:
            # A signature covers the port, so the link must use the proxy of the target.
            ends.ports = [ends.ports[1], ends.ports[1]]
            yield ends


def links(ends: Ends, **changes: str) -> ReadLink:
    source, store = ends.containers[0], ends.stores[0]

    async def link(name: str) -> str:
        token = generate_blob_sas(
            store.account,
            source.container_name,
            name,
            account_key=changes.get("key", store.key),
            permission="r",
            expiry="2090-01-01T00:00:00Z",
        )
        url = source.get_blob_client(name).url.replace(str(store.port), str(ends.ports[1]))
        return f"{url}?{token}"

    return link


def test_a_server_side_copy_keeps_content_and_properties(one_server: Ends, export: Export) -> None:
    content = export("batch1", os.urandom(20 * 64 * KIB + 1), madeBy="exportPipeline")
    (carried,) = one_server.hop("batch1", link=links(one_server))
    assert (carried.outcome, carried.mode) == (Outcome.COPIED, CopyMode.SERVER)
    target = one_server.containers[1]
    assert target.download_blob("batch1").readall() == content
    there = target.get_blob_client("batch1").get_blob_properties()
    assert bytes(there.content_settings.content_md5 or b"") == hashlib.md5(content).digest()
    assert there.metadata == {"category": CATEGORY, "madeBy": "exportPipeline"}


def test_a_server_side_copy_resumes(one_server: Ends, export: Export) -> None:
    export("batch1", os.urandom(20 * 64 * KIB))
    one_server.proxies[1].faults.extend([Fault.NONE] * 9 + [Fault.BUSY])
    assert one_server.hop("batch1", link=links(one_server))[0].outcome is Outcome.FAILED
    assert one_server.hop("batch1", link=links(one_server))[0].outcome is Outcome.COPIED
    assert one_server.proxies[1].finished
    assert one_server.proxies[1].again == []


def test_a_changed_source_ends_a_server_side_copy(one_server: Ends, export: Export) -> None:
    export("batch1", os.urandom(20 * 64 * KIB))
    changes = iter([os.urandom(20 * 64 * KIB)])

    def change(name: str, *_: object) -> None:
        for content in changes:
            export(name, content)

    (carried,) = one_server.hop(
        "batch1", link=links(one_server), advance=change, throttle=Throttle(max_in_flight=1)
    )
    assert isinstance(carried.error, CopyError)
    assert "source changed" in str(carried.error)
    assert list(one_server.containers[1].list_blobs()) == []


def test_a_source_that_the_target_cannot_read_is_streamed(export: Export, ends: Ends) -> None:
    content = export("batch1", os.urandom(3 * 64 * KIB))
    (carried,) = ends.hop("batch1", link=links(ends))
    assert (carried.outcome, carried.mode) == (Outcome.COPIED, CopyMode.STREAM)
    assert ends.containers[1].download_blob("batch1").readall() == content


def test_a_required_server_side_copy_fails_with_the_reason(export: Export, ends: Ends) -> None:
    export("batch1", os.urandom(3 * 64 * KIB))
    (carried,) = ends.hop("batch1", link=links(ends), mode=CopyMode.SERVER)
    assert "cannot read the source (501 APINotImplemented)" in str(carried.error)
    assert "sig=" not in str(carried.error)


class HopMachine(RuleBasedStateMachine):
    """Random sequences of runs and failures; the visible content at the target is always right."""

    ends: Ends
    number = 0

    def __init__(self) -> None:
        super().__init__()
        HopMachine.number += 1
        self.name = f"batch{HopMachine.number}"
        self.versions: list[bytes] = []
        self.theirs: list[bytes] = []
        self.change()

    @property
    def source(self) -> ContainerClient:
        return self.ends.containers[0]

    @property
    def target(self) -> ContainerClient:
        return self.ends.containers[1]

    def visible(self) -> bytes | None:
        blob = self.target.get_blob_client(self.name)
        return blob.download_blob().readall() if blob.exists() else None

    @rule()
    def change(self) -> None:
        """The source blob changes."""
        content = os.urandom(6 * 64 * KIB + len(self.versions))
        md5 = ContentSettings(content_md5=bytearray(hashlib.md5(content).digest()))
        self.source.upload_blob(
            self.name, content, overwrite=True, metadata={"category": CATEGORY}, content_settings=md5
        )
        self.versions.append(content)

    @rule(side=st.integers(0, 1), faults=st.lists(st.sampled_from(Fault), min_size=1, max_size=10))
    def run_with_faults(self, side: int, faults: list[Fault]) -> None:
        """A run with faults on one side ends, with success or failure."""
        self.ends.proxies[side].faults.extend(faults)
        self.ends.hop(self.name)
        self.ends.proxies[side].faults.clear()

    @rule(after=st.integers(1, 6))
    def cancelled_run(self, after: int) -> None:
        """A run is cancelled; test_hop_killed covers kill -9."""
        arrived = 0

        def stop(*_: object) -> None:
            nonlocal arrived
            arrived += 1
            if arrived == after:
                self.ends.stop()

        with contextlib.suppress(asyncio.CancelledError):
            self.ends.hop(self.name, advance=stop)

    @rule()
    def another_client_writes(self) -> None:
        """Another client writes a blob of that name."""
        self.theirs.append(os.urandom(100))
        self.target.upload_blob(self.name, self.theirs[-1], overwrite=True)
        self.forget_blocks()

    @rule()
    def run_without_faults(self) -> None:
        """A run without faults succeeds."""
        (carried,) = self.ends.hop(self.name)
        assert carried.outcome in (Outcome.COPIED, Outcome.PRESENT), carried.error
        assert self.visible() == self.versions[-1]

    @invariant()
    def nothing_wrong_is_visible(self) -> None:
        seen = self.visible()
        assert seen is None or seen in self.versions + self.theirs
        if seen is not None:
            # A commit deletes all uncommitted blocks.
            self.forget_blocks()

    @invariant()
    def nothing_finished_is_sent_again(self) -> None:
        assert self.ends.proxies[1].again == []

    def forget_blocks(self) -> None:
        waiting = self.target.get_blob_client(self.name).get_block_list("uncommitted")[1]
        if not waiting:
            self.ends.proxies[1].finished.clear()


@pytest.mark.parametrize("piped", [0, 8], ids=["blocks", "one request"])
def test_no_failure_shows_a_wrong_byte_or_repeats_finished_work(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, piped: int
) -> None:
    monkeypatch.setattr(blocks, "PIPED_BLOCKS", piped)
    machine = type("Machine", (HopMachine,), {"ends": ends})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
