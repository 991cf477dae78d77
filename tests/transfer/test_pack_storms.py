"""pack and unpack, whatever happens between: no wrong byte arrives, and no finished part is written again."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from acr_transfer.copy import blocks
from acr_transfer.copy.result import Outcome
from acr_transfer.disk import part_file
from acr_transfer.errors import FAILURES, DiskError
from tests.transfer.stores import Store
from tests.transfer.walks import BLOCK, Walk, checked

Export = Callable[..., bytes]
PARTS = 3


class Storms(RuleBasedStateMachine):
    """Packs and unpacks with full disks, stopped runs, damaged parts and changed sources between them."""

    walk: Walk
    export: Export
    folder: Path
    patch: pytest.MonkeyPatch
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Storms.number += 1
        self.name = f"batch{Storms.number}"
        self.disk = self.folder / self.name
        self.versions: list[bytes] = []
        self.change()

    @rule()
    def change(self) -> None:
        """The source gets other content."""
        self.versions.append(os.urandom(2 * PARTS * BLOCK - len(self.versions)))
        self.export(self.name, self.versions[-1])

    @rule(after=st.integers(0, 2 * PARTS - 1), reason=st.sampled_from([OSError, KeyboardInterrupt]))
    def pack_that_fails(self, after: int, reason: type[BaseException]) -> None:
        """The disk is full, or the run is stopped, at some block; or all that was left has been written."""
        written, real = 0, part_file.HashingFile.write

        def write(self: part_file.HashingFile, content: bytes) -> int:
            nonlocal written
            written += 1
            if written > after:
                raise OSError(errno.ENOSPC, "No space left") if reason is OSError else reason()
            return real(self, content)

        with self.patch.context() as patched:
            patched.setattr(part_file.HashingFile, "write", write)
            try:
                self.pack()
            except (DiskError, KeyboardInterrupt):
                assert not (self.disk / "pack.json").exists()

    @rule(part=st.integers(0, PARTS - 1), how=st.sampled_from(["flipped", "cut", "gone"]))
    def damage(self, part: int, how: str) -> None:
        """Something happens to a part on its way."""
        found = sorted(self.disk.glob("parts/*"))
        if part < len(found):
            content = found[part].read_bytes()
            match how:
                case "flipped":
                    found[part].write_bytes(bytes([content[0] ^ 1]) + content[1:])
                case "cut":
                    found[part].write_bytes(content[:-1])
                case "gone":
                    found[part].unlink()

    @rule()
    def calm_pack(self) -> None:
        """A run in peace ends well, and writes nothing that is there and whole."""
        self.pack()
        assert checked(self.disk)
        self.pack()
        assert not any(new for _, new in self.walk.read)

    @rule()
    def unpack(self) -> None:
        """A run on whatever is on the disk; it ends well only with all of a version."""
        try:
            (carried,) = self.walk.unpack(self.disk)
        except FAILURES:
            return
        assert (carried.outcome is Outcome.FAILED) == (carried.error is not None)

    @rule()
    def carry(self) -> None:
        """Pack and unpack in peace bring what the source has now."""
        self.pack()
        (carried,) = self.walk.unpack(self.disk)
        assert carried.outcome in (Outcome.COPIED, Outcome.PRESENT), carried.error
        assert self.walk.arrived(self.name) == self.versions[-1]

    @invariant()
    def nothing_wrong_is_visible(self) -> None:
        if self.name in self.walk.visible():
            assert self.walk.arrived(self.name) in self.versions

    @invariant()
    def nothing_half_written_stays(self) -> None:
        assert not list(self.disk.rglob("*.partial"))

    def pack(self) -> None:
        self.walk.pack(self.disk, names=(self.name,), part_size=2 * BLOCK)

    def teardown(self) -> None:
        shutil.rmtree(self.disk, ignore_errors=True)


def test_no_storm_brings_a_wrong_byte_or_writes_a_finished_part_again(
    source: ContainerClient,
    target: ContainerClient,
    source_store: Store,
    target_store: Store,
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", BLOCK)
    walk = Walk(source, target, (source_store, target_store))
    parts = {"walk": walk, "export": staticmethod(export), "folder": tmp_path, "patch": monkeypatch}
    run_state_machine_as_test(
        type("Machine", (Storms,), parts),
        settings=settings(
            max_examples=8,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
