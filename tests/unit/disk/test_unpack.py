"""Unpack stages a block only with the content that its ID names."""

import asyncio
import time
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.disk.unpack import _PackedBlock, _stage
from acr_transfer.errors import CopyError

LENGTH = 4


def test_nothing_is_staged_under_the_ids_of_blocks_behind_a_damaged_one() -> None:
    wanted = [_PackedBlock(_block(number), f"id-{number}", "") for number in range(6)]
    staged: dict[str, bytes] = {}

    async def stage(block_id: str, content: bytes) -> None:
        staged[block_id] = content
        # The loop stands still until the reading thread has passed the damaged block.
        time.sleep(0.1)

    def contents() -> Generator[bytes, None, None]:
        yield b"good"
        raise CopyError("damaged")

    blob = SimpleNamespace(name="b")
    target = cast(TargetBlob, cast(Any, SimpleNamespace(blob=blob, throttle=Throttle(), stage=stage)))
    with pytest.raises(CopyError, match="damaged"):
        asyncio.run(_stage(wanted, contents(), target))
    assert staged == {"id-0": b"good"}


def _block(number: int) -> Block:
    return Block(number, number * LENGTH, LENGTH)
