"""A transfer with disks between two real storage servers."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pyrage
from azure.storage.blob import ContainerClient
from azure.storage.blob.aio import ContainerClient as Container

from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.result import CopyResult
from acr_transfer.copy.source import SourceContainer
from acr_transfer.disk import keys, pack, unpack
from acr_transfer.disk.layout import PackOnDisks
from acr_transfer.disk.pack import PackOptions
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.pack_manifest import PackManifest
from tests.transfer.progress import Progress
from tests.transfer.stores import Store

BLOCK = 64 * 1024


def readers(*identities: pyrage.x25519.Identity) -> tuple[keys.Recipient, ...]:
    """The recipients of a pack that these secret keys decrypt."""
    return tuple(keys.recipients([str(each.to_public()) for each in identities], []))


class DiskTransfer:
    """The containers of both sides, and the disks between them."""

    def __init__(self, source: ContainerClient, target: ContainerClient, stores: tuple[Store, Store]) -> None:
        self.source, self.target, self.stores = source, target, stores
        self.read: list[tuple[int, bool]] = []
        self.remarks: list[str] = []

    def pack(self, *folders: Path, names: tuple[str, ...] = ("batch1",), **options: Any) -> PackManifest:
        handover = Handover.create(
            source={"loginServer": "l", "containerUrl": "https://source.example/transfer"},
            blobs=[{"name": name, "artifacts": ["a:1"], "more": "kept"} for name in names],
            artifacts=[],
            note="kept too",
        )
        self.read.clear()

        async def run() -> PackManifest:
            async with (
                Container.from_container_url(self.source.url, self.stores[0].credential()) as leaving,
                SourceContainer(leaving, Throttle()) as source,
            ):
                return await pack.pack(
                    handover,
                    source,
                    folders,
                    PackOptions(**{"part_size": 4 * BLOCK, **options}),
                    Progress(lambda _, size, new: self.read.append((size, new))),
                    self.remarks.append,
                )

        return asyncio.run(run())

    def unpack(self, *folders: Path, keys: tuple[Any, ...] = ()) -> list[CopyResult]:
        async def run() -> list[CopyResult]:
            async with Container.from_container_url(self.target.url, self.stores[1].credential()) as arriving:
                found = PackOnDisks.read(folders)
                return await unpack.unpack(found, arriving, keys, Throttle(), Progress())

        return asyncio.run(run())

    def arrived(self, name: str = "batch1") -> bytes:
        return self.target.download_blob(name).readall()

    def visible(self) -> list[str]:
        return [blob.name for blob in self.target.list_blobs()]


def checked(folder: Path) -> bool:
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0
