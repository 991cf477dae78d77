"""The data plane: connections, proxies, refusals, time limits and secrets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import anycrc
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError, ServiceResponseError
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure import storage_limits
from acr_transfer.azure.content import checksums
from acr_transfer.azure.content.buffers import Buffers
from acr_transfer.azure.content.client import ContentClient
from acr_transfer.azure.content.connection import Request
from acr_transfer.azure.content.pipe import Piped, pipe
from acr_transfer.azure.throttle import Throttle
from acr_transfer.errors import BrokenAnswerError

KEY = "a2V5a2V5a2V5a2V5"
Play = Callable[[socket.socket, int], None]
"""Answers the connection with this number, from 1."""


@contextlib.contextmanager
def served(play: Play) -> Iterator[int]:
    """A server whose connections are played one after another; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                for number in range(1, 100):
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        play(connection, number)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        # Wakes the thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def head(connection: socket.socket) -> str:
    """The head of the next request; empty if the connection ends."""
    received = b""
    while b"\r\n\r\n" not in received and (byte := connection.recv(1)):
        received += byte
    return received.decode()


def ranged(content: bytes, **headers: str) -> bytes:
    lines = [
        "HTTP/1.1 206 Partial Content",
        f"Content-Range: bytes 0-{len(content) - 1}/99",
        f"Content-Length: {len(content)}",
        *[f"{name}: {value}" for name, value in headers.items()],
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def used(
    port: int, use: Callable[[ContentClient], Coroutine[Any, Any, None]], throttle: Throttle | None = None
) -> None:
    """Use a client of a container at this port."""

    async def run() -> None:
        url, key = f"http://127.0.0.1:{port}/account/transfer", AzureNamedKeyCredential("account", KEY)
        async with (
            ContainerClient.from_container_url(url, key) as container,
            ContentClient(container, throttle or Throttle(tries=1)) as content,
        ):
            await use(content)

    asyncio.run(run())


def read(port: int, size: int, throttle: Throttle | None = None) -> bytes:
    """The first bytes of a blob."""
    buffer = bytearray(size)
    used(port, lambda client: client.read_into("b", '"1"', 0, memoryview(buffer)), throttle)
    return bytes(buffer)


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """A process whose next file has a number of more than 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(Path(os.devnull).open())
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_open_files")
def test_a_connection_is_used_again_in_a_process_with_many_open_files() -> None:
    connections = set()

    def play(connection: socket.socket, number: int) -> None:
        connection.settimeout(5)
        while head(connection):
            connections.add(number)
            connection.sendall(ranged(b"abc"))

    async def twice(client: ContentClient) -> None:
        for _ in range(2):
            await client.read_into("b", '"1"', 0, memoryview(bytearray(3)))

    with served(play) as port:
        used(port, twice)
    assert connections == {1}


def test_a_request_names_the_version_the_range_and_the_api_version_and_is_signed() -> None:
    heads: list[str] = []

    def play(connection: socket.socket, _: int) -> None:
        heads.append(head(connection))
        connection.sendall(ranged(b"abc"))

    with served(play) as port:
        assert read(port, 3) == b"abc"
    lines = heads[0].lower().split("\r\n")
    assert lines[0] == "get /account/transfer/b http/1.1"
    assert {'if-match: "1"', "x-ms-range: bytes=0-2"} <= set(lines)
    assert [
        name
        for name in ("x-ms-version", "x-ms-date", "authorization: sharedkey account")
        if name in heads[0].lower()
    ]
    assert "expect:" not in heads[0].lower()
    assert "accept-encoding:" not in heads[0].lower()


def test_a_connection_is_used_again_but_not_after_the_service_closed_it() -> None:
    numbers: list[int] = []

    def play(connection: socket.socket, number: int) -> None:
        for _ in range(2):
            if head(connection):
                numbers.append(number)
                connection.sendall(ranged(b"abc"))

    async def use(client: ContentClient) -> None:
        for _ in range(4):
            await client.read_into("b", '"1"', 0, memoryview(bytearray(3)))
            await asyncio.sleep(0.05)

    with served(play) as port:
        used(port, use)
    assert numbers == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (ranged(b"abcd"), "another range"),
        (ranged(b"abc").replace(b"Length: 3", b"Length: 9"), "another length"),
        (ranged(b"abc", **{"Content-Encoding": "gzip"}), "a compressed response"),
        (b"HTTP/1.1 206 OK\r\nContent-Range: bytes 7-9/10\r\nContent-Length: 3\r\n\r\nabc", "another range"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", "another length"),
    ],
)
def test_a_response_with_other_content_is_refused(response: bytes, words: str) -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(response)

    with served(play) as port, pytest.raises(BrokenAnswerError, match=words):
        read(port, 3)


def test_content_may_arrive_in_chunks() -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        )

    with served(play) as port:
        assert read(port, 3) == b"abc"


def test_a_redirect_is_not_followed() -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n")

    with served(play) as port, pytest.raises(HttpResponseError) as refused:
        read(port, 3)
    assert refused.value.status_code == 307


def test_content_that_ends_early_is_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acr_transfer.azure.storage_retry.wait_before_retry", lambda *_: 0.01)

    def play(connection: socket.socket, number: int) -> None:
        head(connection)
        connection.sendall(ranged(b"abc")[: -1 if number == 1 else None])

    with served(play) as port:
        assert read(port, 3, Throttle(tries=2)) == b"abc"
    with served(lambda connection, _: play(connection, 1)) as port, pytest.raises(ServiceResponseError):
        read(port, 3)


def test_a_service_that_refuses_a_write_before_its_end_is_heard() -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 403 No\r\nx-ms-error-code: Refused\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        # Without reading the rest: the client's next bytes are answered with a reset, after the response.
        time.sleep(0.2)

    async def use(client: ContentClient) -> None:
        await client.put_block("b", "id", bytes(16 * 1024**2), {})

    with served(play) as port, pytest.raises(HttpResponseError) as refused:
        used(port, use)
    assert refused.value.status_code == 403


def test_a_response_that_drips_ends_at_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_limits, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(storage_limits, "SLOWEST", 2**20)

    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(ranged(bytes(10_000))[:-10_000])
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    begun = time.monotonic()
    with served(play) as port, pytest.raises(AzureError, match="within the time limit"):
        read(port, 10_000)
    assert time.monotonic() - begun < 3


def test_a_cancelled_read_ends_at_once() -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.recv(1)

    async def use(client: ContentClient) -> None:
        reading = asyncio.create_task(client.read_into("b", '"1"', 0, memoryview(bytearray(3))))
        await asyncio.sleep(0.2)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()

    begun = time.monotonic()
    with served(play) as port:
        used(port, use)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxy_of_the_environment_is_used_and_no_proxy_excludes_hosts(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []

    def play(connection: socket.socket, _: int) -> None:
        heads.append(head(connection))
        connection.sendall(ranged(b"abc") if scheme == "http" else b"HTTP/1.1 407 No\r\n\r\n")

    async def use(client: ContentClient) -> None:
        await client.read_into("b", '"1"', 0, memoryview(bytearray(3)))

    async def run(host: str) -> None:
        key = AzureNamedKeyCredential("account", KEY)
        async with (
            ContainerClient.from_container_url(f"{scheme}://{host}/account/transfer", key) as container,
            ContentClient(container, Throttle(tries=1)) as content,
        ):
            await use(content)

    with served(play) as port:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://user:word@127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "near.invalid")
        with contextlib.suppress(AzureError):
            asyncio.run(run("far.invalid:10000"))
        with pytest.raises(AzureError):
            asyncio.run(run("near.invalid:10000"))
    (asked,) = heads
    first = {
        "http": "GET http://far.invalid:10000/account/transfer/b HTTP/1.1",
        "https": "CONNECT far.invalid:10000 HTTP/1.",
    }
    assert asked.startswith(first[scheme])
    assert "Host: far.invalid:10000\r\n" in asked
    assert "Proxy-Authorization: Basic dXNlcjp3b3Jk" in asked


def test_no_secret_is_in_the_log_or_in_the_text_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    def play(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(ranged(b"abc"))

    with served(play) as port, caplog.at_level(logging.DEBUG):
        read(port, 3)
    assert "Request method: 'GET'" in caplog.text
    assert "SharedKey" not in caplog.text
    request = Request(method="GET", url="https://a/b?sig=secret", headers={"Authorization": "secret"})
    assert "secret" not in f"{request} {request!r}"


def test_a_sas_in_the_url_of_a_container_is_sent_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    heads: list[str] = []

    def play(connection: socket.socket, _: int) -> None:
        heads.append(head(connection))
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    async def run(port: int) -> None:
        url = f"http://127.0.0.1:{port}/account/transfer?sv=1&sig=secret"
        async with (
            ContainerClient.from_container_url(url) as container,
            ContentClient(container, Throttle(tries=1)) as content,
        ):
            await content.put_block("b", "id", b"abc", checksums.md5(b"abc").headers)

    with served(play) as port, caplog.at_level(logging.DEBUG):
        asyncio.run(run(port))
    lines = heads[0].split("\r\n")
    assert lines[0] == "PUT /account/transfer/b?sv=1&sig=secret&comp=block&blockid=aWQ%3D HTTP/1.1"
    assert {"Content-Length: 3", "Content-MD5: kAFQmDzST7DWlj99KOF/cg=="} <= set(lines)
    assert "authorization" not in heads[0].lower()
    assert "secret" not in caplog.text


def test_the_source_is_asked_before_the_target_hears_of_a_blob() -> None:
    """A source that refuses the read costs the target nothing."""
    heads: list[str] = []

    def refuse(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 412 Changed\r\nContent-Length: 0\r\n\r\n")

    async def run(near: int, far: int) -> None:
        key = AzureNamedKeyCredential("account", KEY)
        urls = [f"http://127.0.0.1:{port}/account/transfer" for port in (near, far)]
        async with (
            ContainerClient.from_container_url(urls[0], key) as leaving,
            ContainerClient.from_container_url(urls[1], key) as arriving,
            ContentClient(leaving, Throttle(tries=1)) as source,
            ContentClient(arriving, Throttle(tries=1)) as target,
        ):
            await pipe(source, target, Piped(name="b", etag='"1"', size=3, headers={}), lambda _: None)

    with (
        served(refuse) as near,
        served(lambda connection, _: heads.append(head(connection))) as far,
        pytest.raises(AzureError),
    ):
        asyncio.run(run(near, far))
    assert heads == []


def test_checksums_are_those_of_storage() -> None:
    assert checksums.md5(b"123456789").headers == {"Content-MD5": "JfnnlDI7RTiF9RgfG2JNCw=="}
    # https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme
    assert checksums.crc64(b"123456789").digest[::-1].hex() == "ae8b14860a799888"
    content = memoryview(bytearray(range(256)) * 9)
    assert checksums.crc64(content) == checksums.crc64(bytes(content))
    assert anycrc.Model("CRC64-NVME").calc(b"") == 0
    assert checksums.md5(content).digest == hashlib.md5(content).digest()


@pytest.mark.parametrize(
    ("server", "azure"),
    [("Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0", True), ("Azurite-Blob/3.37.0", False), ("", False)],
)
def test_azure_is_known_by_its_server_header(server: str, azure: bool) -> None:
    assert checksums.is_azure(server) is azure


def test_buffers_are_used_again_and_few_are_kept() -> None:
    buffers = Buffers()
    with buffers.taken(8) as first:
        first[:] = b"12345678"
    with buffers.taken(8) as again:
        assert bytes(again) == b"12345678"
    with buffers.taken(3) as other:
        assert len(other) == 3
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(buffers.taken(8))
    assert len(buffers._idle) <= 4
