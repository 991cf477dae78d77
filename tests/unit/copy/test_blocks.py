"""Blocks cover a blob once, and their IDs identify their content."""

from __future__ import annotations

import hashlib

from azure.storage.blob import ContentSettings
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.copy.blocks import SourceBlob


def source_blob(size: int, content: bytes = b"") -> SourceBlob:
    md5 = hashlib.md5(content).digest()
    return SourceBlob(name="b", size=size, md5=md5, etag="e", metadata={}, settings=ContentSettings())


@given(st.integers(0, 6 * 1024**4))
def test_blocks_cover_the_blob_once_and_their_ids_suit_storage(size: int) -> None:
    blob = source_blob(size)
    blocks = blob.blocks()
    assert sum(block.length for block in blocks) == size
    assert [block.start for block in blocks] == list(range(0, size, blob.block_size))
    identifiers = {blob.block_id(block) for block in blocks}
    assert len(identifiers) == len(blocks) <= 50_000
    # Storage accepts IDs of up to 64 bytes; all IDs of a blob have one length.
    assert {len(identifier) for identifier in identifiers} <= {55}


@given(st.binary(max_size=9), st.binary(max_size=9), st.text("0123456789abcdef", max_size=40))
def test_blocks_of_another_version_or_content_have_other_ids(one: bytes, other: bytes, print_: str) -> None:
    first, second = source_blob(9, one), source_blob(9, other)
    block = first.blocks()[0]
    assert len(first.block_id(block, print_)) == 55
    assert (first.block_id(block) == second.block_id(block)) == (one == other)
    assert first.block_id(block, "a" * 32) != first.block_id(block, "b" * 32)
