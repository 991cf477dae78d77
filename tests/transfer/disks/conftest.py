"""A transfer with disks whose blocks are small, so that little content has several parts."""

from __future__ import annotations

import pytest
from azure.storage.blob import ContainerClient

from acr_transfer.copy import blocks
from tests.transfer.disks.disk_transfer import BLOCK, DiskTransfer
from tests.transfer.stores import Store


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", BLOCK)


@pytest.fixture
def transfer(
    source: ContainerClient, target: ContainerClient, source_store: Store, target_store: Store
) -> DiskTransfer:
    """The containers of both sides."""
    return DiskTransfer(source, target, (source_store, target_store))
