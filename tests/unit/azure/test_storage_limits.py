"""Responses of a storage service are limited, and its token is for it alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from azure.core.credentials import AccessToken, AzureNamedKeyCredential
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.containers import client_options
from acr_transfer.azure.storage_limits import AudienceCredential, blob_client, storage_request
from acr_transfer.azure.throttle import Throttle
from acr_transfer.errors import AccessError, BrokenAnswerError, CopyError
from acr_transfer.operate.blobs import list_blobs

ACCOUNT = "https://account.blob.example"


class _Login:
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(f"for {' '.join(scopes)}", 0)


def test_a_token_is_for_the_own_account_only() -> None:
    credential = AudienceCredential(_Login(), ACCOUNT)  # type: ignore[arg-type]
    assert asyncio.run(credential.get_token(f"{ACCOUNT}/.default")).token == f"for {ACCOUNT}/.default"
    for other in ("https://management.azure.com", "https://storage.azure.com", f"{ACCOUNT}.example"):
        with pytest.raises(AccessError, match=f"{ACCOUNT} refused the login and requested a token"):
            asyncio.run(credential.get_token(f"{other}/.default"))


@pytest.mark.parametrize(
    "name", ["../private/evil", "x/../../private", "/a", "a//b", "a\nb", "a\0b", "a\\b", ""]
)
def test_a_name_that_could_lead_out_of_the_container_gets_no_client(name: str) -> None:
    container = ContainerClient.from_container_url(f"{ACCOUNT}/transfer")
    with pytest.raises(CopyError, match="is not the name of a blob; expected 1 to 1024"):
        blob_client(container, name)


@pytest.mark.parametrize(
    ("name", "path"),
    [("%2e%2e/private/x", "%252e%252e/private/x"), ("a?b#c", "a%3Fb%23c"), ("é b", "%C3%A9%20b")],
)
def test_a_name_is_quoted_in_the_url(name: str, path: str) -> None:
    container = ContainerClient.from_container_url(f"{ACCOUNT}/transfer")
    assert blob_client(container, name).url == f"{ACCOUNT}/transfer/{path}"


def _page(names: list[str], marker: str) -> bytes:
    blobs = "".join(
        f"<Blob><Name>{name}</Name><Properties><BlobType>BlockBlob</BlobType><Content-Length>1</Content-Length><Etag>1</Etag>"
        "<Last-Modified>Sun, 29 Nov 2026 08:00:00 GMT</Last-Modified></Properties></Blob>"
        for name in names
    )
    return (
        f'<?xml version="1.0"?><EnumerationResults ContainerName="transfer"><Blobs>{blobs}</Blobs>'
        f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
    ).encode()


@contextmanager
def _served(page: Callable[[int], bytes]) -> Iterator[str]:
    """The URL of a container whose list has these pages, by number."""

    class Handler(BaseHTTPRequestHandler):
        pages: ClassVar[list[int]] = []

        def do_GET(self) -> None:
            self.pages.append(1)
            content = page(len(self.pages))
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}/account/transfer"
        finally:
            server.shutdown()
            thread.join()


async def _listed(url: str) -> list[str]:
    key = AzureNamedKeyCredential("account", "a2V5")
    async with ContainerClient.from_container_url(url, key, **client_options(Throttle())) as client:
        return [blob.name for blob in await list_blobs(client)]


def test_blobs_are_listed_over_pages_without_names_that_lead_out() -> None:
    pages = {1: _page(["a", "../private/b"], "more"), 2: _page(["dir/c", "/d", "e//f"], "")}
    with _served(lambda number: pages[number]) as url:
        assert asyncio.run(_listed(url)) == ["a", "dir/c"]


@pytest.mark.parametrize(
    "marker", [lambda _: "same", lambda number: f"other-{number}"], ids=["same", "other"]
)
def test_a_list_that_does_not_end_is_refused(marker: Callable[[int], str]) -> None:
    with (
        _served(lambda number: _page(["a"], marker(number))) as url,
        pytest.raises(BrokenAnswerError, match="the list does not end"),
    ):
        asyncio.run(_listed(url))


def test_a_response_that_cannot_be_parsed_is_no_defect_of_the_command() -> None:
    with (
        pytest.raises(BrokenAnswerError, match=r"reading at h: the response is not one of a storage service"),
        storage_request("reading", "h"),
    ):
        int("not a number")
