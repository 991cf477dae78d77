"""Kill `hop` with SIGKILL at random times during one large copy, and count the blocks that are sent twice.

    .venv/bin/python bench/killed.py [--size 1G] [--kills 10] [--seed 7]

Runs the command line with two storage servers (Azurite) that accept the caller's token. Each run except the
last one is killed at a random time. The blocks are counted in the target server's log. The exit code is 1 if
a block was sent twice or the copy is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure.storage.blob import ContentSettings
from filled_registry import machine

from acr_transfer.cli.option_types import size
from acr_transfer.copy.blocks import BLOCK_SIZE, CATEGORY
from tests.transfer.two_clouds import Clouds, two_clouds

_PROGRAM = "import sys; from acr_transfer.__main__ import main; sys.exit(main())"
_NAME = "large"
_PIECE = 8 << 20


@dataclass(frozen=True)
class Run:
    """One run of the command, killed or complete."""

    blocks: int
    """Blocks that the server accepted during the run."""

    seconds: float
    peak: float
    """The peak memory in MiB."""

    code: int


def main() -> int:
    """Print one line per run, and the server's totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=size, default=size("1G"), help="size of the blob")
    parser.add_argument("--kills", type=int, default=10, help="number of killed runs")
    parser.add_argument("--seed", type=int, default=7, help="seed of the random times")
    options = parser.parse_args()
    print(f"one blob of {options.size / 1024**2:.0f} MiB, {options.kills} kills; {machine()}")
    with tempfile.TemporaryDirectory(prefix="bench-killed-") as name, two_clouds(Path(name)) as clouds:
        digest = _export(clouds, options.size)
        return _measure(clouds, options, digest)


def _export(clouds: Clouds, total: int) -> str:
    """Write one blob as an export run does; return the SHA-256 of its content."""
    path = clouds.folder / "content"
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, total, _PIECE):
            piece = os.urandom(min(_PIECE, total - start))
            md5.update(piece)
            sha256.update(piece)
            file.write(piece)
    with path.open("rb") as file:
        settings = ContentSettings(content_md5=bytearray(md5.digest()))
        clouds.container(0).upload_blob(
            _NAME, file, metadata={"category": CATEGORY}, content_settings=settings, validate_content=True
        )
    path.unlink()
    clouds.hand_over(clouds.folder / "handover.json", [_NAME])
    return sha256.hexdigest()


def _measure(clouds: Clouds, options: argparse.Namespace, digest: str) -> int:
    chance, blocks = random.Random(options.seed), -(-options.size // BLOCK_SIZE)
    most = max(1, blocks * 2 // (options.kills * 3))
    runs = [_run(clouds, chance.randint(0, most), chance.random() / 10) for _ in range(options.kills)]
    runs.append(_run(clouds, None, 0))
    for number, run in enumerate(runs, start=1):
        end = "killed" if run.code == -signal.SIGKILL else f"exit code {run.code}"
        print(f"run {number:2}  {run.blocks:4} blocks  {run.seconds:6.2f} s  {run.peak:4.0f} MiB  {end}")
    taken = clouds.stores[1].blocks_taken(_NAME)
    twice = len(taken) - len(set(taken))
    right = _digest(clouds) == digest
    print(f"{blocks} blocks in the blob; {len(taken)} accepted by the server, {twice} of them sent twice")
    print(f"SHA-256 at the target: {'correct' if right else 'WRONG'}")
    return int(bool(twice) or not right or runs[-1].code != 0)


def _run(clouds: Clouds, after: int | None, pause: float) -> Run:
    """Start the command; kill it after `after` more blocks and a pause."""
    store, begun = clouds.stores[1], time.monotonic()
    before = len(store.blocks_taken(_NAME))
    url = f"{store.url}/transfer"
    line = ("hop", "--handover", str(clouds.folder / "handover.json"), "--container-url", url, "--quiet")
    process = clouds.start(*line, program=_PROGRAM, output=subprocess.DEVNULL)
    while (
        after is not None and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    ):
        if len(store.blocks_taken(_NAME)) >= before + after and (
            after or time.monotonic() - begun > pause * 20
        ):
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = len(store.blocks_taken(_NAME)) - before
    return Run(taken, time.monotonic() - begun, usage.ru_maxrss / 1024, process.returncode)


def _digest(clouds: Clouds) -> str:
    sha256 = hashlib.sha256()
    for piece in clouds.container(1).download_blob(_NAME).chunks():
        sha256.update(piece)
    return sha256.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
