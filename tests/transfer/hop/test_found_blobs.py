"""Blobs are found by few requests, with the same properties by each kind of request."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContentSettings, generate_container_sas
from azure.storage.blob.aio import ContainerClient as Container

from acr_transfer.azure import found_blobs
from acr_transfer.azure.found_blobs import FoundBlobs, find_blobs
from acr_transfer.copy.source import _checked
from tests.transfer.fault_proxy import fault_proxy
from tests.transfer.stores import Store

MD5 = hashlib.md5(b"x").digest()
ALL = ContentSettings("application/x-tar", "gzip", "de", "attachment", "no-cache", bytearray(MD5))
METADATA = {"category": "acr-transfer-blob", "madeBy": "<&>", "Upper": "x"}


class Asked:
    """A container and the requests that the last search took."""

    def __init__(self, container: ContainerClient, store: Store) -> None:
        self.container, self.store = container, store
        self.requests: dict[str, int] = {}

    def find(self, *names: str, credential: Any = None) -> FoundBlobs:
        with fault_proxy(self.store.port) as (proxy, port):
            url = self.container.url.replace(str(self.store.port), str(port))
            found = asyncio.run(self._find(url, names, credential or self.store.credential()))
            self.requests = dict(proxy.asked)
        return found

    async def _find(self, url: str, names: Sequence[str], credential: Any) -> FoundBlobs:
        async with Container.from_container_url(url, credential, retry_total=0) as client:
            return await find_blobs(client, names)

    def upload(self, *names: str) -> None:
        for name in names:
            self.container.upload_blob(name, b"x", metadata=METADATA, content_settings=ALL)


@pytest.fixture
def asked(source: ContainerClient, source_store: Store) -> Asked:
    return Asked(source, source_store)


def test_one_list_finds_all_blobs_and_what_does_not_exist(asked: Asked) -> None:
    asked.upload(*"abc")
    assert sorted(asked.find("a", "c", "nothing").committed) == ["a", "c"]
    assert asked.requests == {"GET list": 1}


def test_the_list_returns_what_a_request_for_one_blob_returns(asked: Asked) -> None:
    asked.upload("a", "b")
    listed = asked.find("a", "b").committed["a"]
    alone = asked.find("a").committed["a"]
    assert asked.requests == {"HEAD": 1}
    assert _checked("a", listed) == _checked("a", alone)
    assert not isinstance(_checked("a", listed), str)


def test_a_few_blobs_among_many_take_one_request_each(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_blobs, "_PAGE", 3)
    asked.upload(*"abcdefgh")
    assert sorted(asked.find("a", "g", "h").committed) == ["a", "g", "h"]
    assert asked.requests == {"GET list": 1, "HEAD": 2}
    assert sorted(asked.find(*"abcdefgh", "i").committed) == list("abcdefgh")
    assert asked.requests == {"GET list": 2, "HEAD": 3}


def test_the_list_is_that_of_the_common_beginning(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_blobs, "_PAGE", 3)
    asked.upload(*"abcdefgh", "x1", "x2")
    assert sorted(asked.find("x1", "x2").committed) == ["x1", "x2"]
    assert asked.requests == {"GET list": 1}


def test_a_caller_who_may_not_list_reads_the_blobs_one_by_one(asked: Asked) -> None:
    asked.upload("a", "b")
    store, end = asked.store, datetime.now(UTC) + timedelta(hours=1)
    container = asked.container.container_name
    reads = generate_container_sas(
        store.account, container, account_key=store.key, permission="r", expiry=end
    )
    assert sorted(asked.find("a", "b", "c", credential=reads).committed) == ["a", "b"]
    assert asked.requests == {"GET list": 1, "HEAD": 3}


def test_uncommitted_blocks_are_found(asked: Asked) -> None:
    asked.upload("a")
    asked.container.get_blob_client("staged").stage_block("id", b"x")
    found = asked.find("a", "staged", "new")
    assert (sorted(found.committed), found.uncommitted) == (["a"], {"staged"})


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_missing_container_is_an_error(names: list[str], asked: Asked) -> None:
    asked.container.delete_container()
    with pytest.raises(ResourceNotFoundError):
        asked.find(*names)
