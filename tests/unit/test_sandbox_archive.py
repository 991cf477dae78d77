"""The archive between two clouds: writing and reading are inverse, and invalid bytes are rejected."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.registry.oci_client import Manifest, WrongContentError, digest_of
from sandbox.transfer import archive
from sandbox.transfer.archive import ArchiveContents, ArchiveReader, BadArchiveError, archive_bytes

IMAGE = "application/vnd.oci.image.manifest.v1+json"
LAYERS = st.lists(st.binary(max_size=1500), max_size=3)
IMAGES = st.lists(LAYERS, min_size=1, max_size=3)


def contents_of(images: list[list[bytes]], *, indexed: bool) -> tuple[ArchiveContents, dict[str, bytes]]:
    """An archive's contents and blobs: images and, optionally, an index over them."""
    contents, blobs = ArchiveContents(), dict[str, bytes]()
    for number, layers in enumerate(images):
        for layer in (b"{}", *layers):
            blobs[digest_of(layer)] = layer
            contents.blobs[digest_of(layer)] = ("app", len(layer))
        parts = [{"digest": digest_of(layer), "size": len(layer)} for layer in layers]
        config = {"digest": digest_of(b"{}"), "size": 2}
        manifest = Manifest(IMAGE, json.dumps({"config": config, "layers": parts, "n": number}).encode())
        contents.manifests[manifest.digest] = manifest
        contents.references[f"app:{number}"] = manifest.digest
    if indexed:
        children = [{"digest": each, "mediaType": IMAGE} for each in contents.manifests]
        index = Manifest("x/index", json.dumps({"manifests": children}).encode())
        contents.manifests[index.digest] = index
        contents.references = {"app:all": index.digest}
    return contents, blobs


def bytes_of(contents: ArchiveContents, blobs: dict[str, bytes]) -> bytes:
    async def read(repository: str, digest: str) -> AsyncIterator[bytes]:
        assert repository == "app"
        yield blobs[digest]

    async def run() -> bytes:
        return b"".join([chunk async for chunk in archive_bytes(contents, read)])

    return asyncio.run(run())


def read_back(body: bytes, step: int) -> tuple[ArchiveContents, dict[str, bytes], tuple[str, bytes]]:
    """Everything that a reader returns for bytes that arrive in chunks of `step`."""

    async def arriving() -> AsyncIterator[bytes]:
        for at in range(0, len(body), step):
            yield body[at : at + step]

    async def run() -> tuple[ArchiveContents, dict[str, bytes], tuple[str, bytes]]:
        reader, found = ArchiveReader(arriving()), dict[str, bytes]()
        contents = await reader.contents()
        async for digest, size, chunks in reader.blobs():
            found[digest] = b"".join([chunk async for chunk in chunks])
            assert len(found[digest]) == size
        return contents, found, await reader.rest()

    return asyncio.run(run())


@settings(max_examples=40)
@given(images=IMAGES, indexed=st.booleans(), step=st.integers(1, 5000))
def test_an_archive_is_read_as_it_was_written(images: list[list[bytes]], indexed: bool, step: int) -> None:
    contents, blobs = contents_of(images, indexed=indexed)
    body = bytes_of(contents, blobs)
    found, arrived, (digest, md5) = read_back(body, step)
    assert (found.references, found.manifests) == (contents.references, contents.manifests)
    assert arrived == {key: value for key, value in blobs.items() if key in contents.blobs}
    assert digest == digest_of(body)
    assert md5 == hashlib.md5(body, usedforsecurity=False).digest()


@settings(max_examples=40)
@given(images=IMAGES, data=st.data())
def test_a_truncated_archive_is_rejected(images: list[list[bytes]], data: st.DataObject) -> None:
    body = bytes_of(*contents_of(images, indexed=False))
    end = data.draw(
        st.integers(0, len(body) - 1024)
    )  # two empty blocks end an archive; one is enough to read it
    with pytest.raises(BadArchiveError):
        read_back(body[:end], 512)


@settings(max_examples=40)
@given(images=IMAGES, data=st.data())
def test_a_changed_byte_is_never_accepted(images: list[list[bytes]], data: st.DataObject) -> None:
    contents, blobs = contents_of(images, indexed=True)
    body = bytearray(bytes_of(contents, blobs))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        found, _, (digest, _) = read_back(bytes(body), 512)
    except (BadArchiveError, WrongContentError):
        return
    assert all(each.digest == name for name, each in found.manifests.items())
    assert digest != digest_of(bytes_of(contents, blobs))


@pytest.mark.parametrize("size", [0, 1, 8 << 30, (8 << 30) + 1, 1 << 40])
def test_an_entry_of_any_size_is_read(size: int) -> None:
    """From 8 GiB on, a tar has the size in an extended header."""
    header = archive._header("blobs/sha512/" + "a" * 128, size)

    async def run() -> tuple[str, int]:
        async def arriving() -> AsyncIterator[bytes]:
            yield header

        entry = await ArchiveReader(arriving())._entry()
        assert entry
        return entry.name, entry.size

    assert asyncio.run(run()) == ("blobs/sha512/" + "a" * 128, size)


INVALID = {
    "nothing": b"",
    "not a tar": b"x" * 4096,
    "an empty tar": b"\0" * 4096,
    "no index": archive._header("a", 0) + b"\0" * 1024,
    "an index that is not JSON": archive._header("index.json", 512) + b"x" * 512 + b"\0" * 1024,
    "an index of nothing": archive._header("index.json", 2) + b"[]".ljust(512, b"\0") + b"\0" * 1024,
}


@pytest.mark.parametrize("name", INVALID)
def test_bytes_that_are_not_an_archive_are_rejected(name: str) -> None:
    with pytest.raises(BadArchiveError):
        read_back(INVALID[name], 512)


@given(body=st.one_of(st.just(b"[]"), st.just(b"{}"), st.binary(max_size=50)))
def test_an_invalid_manifest_is_rejected_or_requires_nothing(body: bytes) -> None:
    contents = ArchiveContents()
    contents.manifests[digest_of(body)] = Manifest(IMAGE, body)
    contents.references["app:1"] = digest_of(body)
    small = {"index.json": contents.index(), f"blobs/{digest_of(body).replace(':', '/')}": body}
    parts = (
        archive._header(name, len(each)) + each + archive._padding(len(each)) for name, each in small.items()
    )
    try:
        found, arrived, _ = read_back(b"".join(parts) + b"\0" * 1024, 512)
    except BadArchiveError:
        return
    assert (found.references, arrived) == ({"app:1": digest_of(body)}, {})


@settings(max_examples=40)
@given(layer=st.binary(min_size=1, max_size=500), data=st.data())
def test_a_blob_that_does_not_match_its_digest_is_never_written(layer: bytes, data: st.DataObject) -> None:
    contents, blobs = contents_of([[layer]], indexed=False)
    blobs[digest_of(layer)] = data.draw(st.binary(max_size=600).filter(layer.__ne__))
    with pytest.raises(WrongContentError):
        bytes_of(contents, blobs)
