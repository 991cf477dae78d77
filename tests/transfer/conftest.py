"""Two separate storage servers and containers in them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from acr_transfer.copy.blocks import CATEGORY
from tests.transfer.stores import Store, azurite

Export = Callable[..., bytes]


@pytest.fixture(scope="session")
def source_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The storage of the source cloud."""
    with azurite(tmp_path_factory.mktemp("source"), "leaving") as stores:
        yield stores[0]


@pytest.fixture(scope="session")
def target_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The storage of the target cloud."""
    with azurite(tmp_path_factory.mktemp("target"), "arriving") as stores:
        yield stores[0]


@pytest.fixture
def source(source_store: Store) -> Iterator[ContainerClient]:
    """An empty container at the source."""
    yield from _container(source_store)


@pytest.fixture
def target(target_store: Store) -> Iterator[ContainerClient]:
    """An empty container at the target."""
    yield from _container(target_store)


def _container(store: Store) -> Iterator[ContainerClient]:
    with (
        BlobServiceClient(store.url, store.credential()) as service,
        service.create_container(f"c{uuid.uuid4().hex}") as container,
    ):
        yield container


@pytest.fixture
def export(source: ContainerClient) -> Export:
    """Writes a blob to the source's container as an export run does; returns its content."""

    def put(name: str, content: bytes, *, md5: bytes | None = None, **metadata: str) -> bytes:
        right = hashlib.md5(content, usedforsecurity=False).digest()
        source.upload_blob(name, content, overwrite=True, metadata={"category": CATEGORY, **metadata})
        # Set separately: an upload with a wrong MD5 would be refused.
        settings = ContentSettings(content_type="application/x-tar", content_md5=bytearray(md5 or right))
        source.get_blob_client(name).set_http_headers(settings)
        return content

    return put
