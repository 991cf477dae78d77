"""pack and unpack under random failures: no wrong byte arrives, and no finished part is written again."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from acr_transfer.copy.result import Outcome
from acr_transfer.disk import part_file
from acr_transfer.errors import FAILURES, DiskError
from tests.transfer.disks.disk_transfer import BLOCK, DiskTransfer, checked

Export = Callable[..., bytes]
PARTS = 3


class PackMachine(RuleBasedStateMachine):
    """Random sequences of pack and unpack, with failing disks, damaged parts and changed sources."""

    transfer: DiskTransfer
    export: Export
    folder: Path
    patch: pytest.MonkeyPatch
    number = 0

    def __init__(self) -> None:
        super().__init__()
        PackMachine.number += 1
        self.name = f"batch{PackMachine.number}"
        self.disk = self.folder / self.name
        self.versions: list[bytes] = []
        self.change()

    @rule()
    def change(self) -> None:
        """The source blob changes."""
        self.versions.append(os.urandom(2 * PARTS * BLOCK - len(self.versions)))
        self.export(self.name, self.versions[-1])

    @rule(after=st.integers(0, 2 * PARTS - 1), reason=st.sampled_from([OSError, KeyboardInterrupt]))
    def pack_that_fails(self, after: int, reason: type[BaseException]) -> None:
        """The disk is full, or the run is stopped, at some block; or nothing was left to write."""
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
        """A part is damaged or lost."""
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
    def pack_without_failures(self) -> None:
        """A run without failures succeeds, and the next one writes nothing."""
        self.pack()
        assert checked(self.disk)
        self.pack()
        assert not any(new for _, new in self.transfer.read)

    @rule()
    def unpack(self) -> None:
        """A run on the current content of the disk succeeds only with all parts of one version."""
        try:
            (carried,) = self.transfer.unpack(self.disk)
        except FAILURES:
            return
        assert (carried.outcome is Outcome.FAILED) == (carried.error is not None)

    @rule()
    def pack_and_unpack(self) -> None:
        """Pack and unpack without failures copy the current content of the source."""
        self.pack()
        (carried,) = self.transfer.unpack(self.disk)
        assert carried.outcome in (Outcome.COPIED, Outcome.PRESENT), carried.error
        assert self.transfer.arrived(self.name) == self.versions[-1]

    @invariant()
    def nothing_wrong_is_visible(self) -> None:
        if self.name in self.transfer.visible():
            assert self.transfer.arrived(self.name) in self.versions

    @invariant()
    def nothing_half_written_stays(self) -> None:
        assert not list(self.disk.rglob("*.partial"))

    def pack(self) -> None:
        self.transfer.pack(self.disk, names=(self.name,), part_size=2 * BLOCK)

    def teardown(self) -> None:
        shutil.rmtree(self.disk, ignore_errors=True)


def test_no_failure_lets_a_wrong_byte_arrive_or_repeats_a_finished_part(
    transfer: DiskTransfer, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"transfer": transfer, "export": staticmethod(export), "folder": tmp_path, "patch": monkeypatch}
    run_state_machine_as_test(
        type("Machine", (PackMachine,), parts),
        settings=settings(
            max_examples=8,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
