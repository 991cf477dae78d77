"""`acr-transfer unpack`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from transfer.commandline import add_project, add_stack
from transfer.commands.hop import add_container_url
from transfer.console import Console
from transfer.progress import HopProgress
from transfer.sizes import rate

if TYPE_CHECKING:
    from transfer.hop import Carried

PURPOSE = "bring the blobs of a packed folder to the target's container"
EXAMPLES = (
    ("acr-transfer unpack /media/disk", "into the container of the target stack"),
    (
        "acr-transfer unpack /media/disk --identity key.txt --container-url https://a.blob.example/transfer",
        "an encrypted one, without any stack",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of unpack."""
    parser.add_argument(
        "folders", metavar="DIR", type=Path, nargs="+", help="the disks of one pack, or those at hand now"
    )
    add_stack(parser, "target", "stack that imports")
    add_project(parser)
    add_container_url(parser)
    parser.add_argument(
        "--identity", metavar="FILE", type=Path, action="append", default=[],
        help="file with the secret key of age or SSH that opens an encrypted pack; may be repeated",
    )  # fmt: skip
    parser.add_argument("--cap", metavar="RATE", type=rate, help="bytes a second at most: 500K, 20M, 1G")


def run(options: argparse.Namespace) -> int:
    """Bring every blob and print what became of it."""
    import asyncio

    from transfer import hop_report

    console = Console(options)
    with console.progress() as progress:
        carried = asyncio.run(_unpack(options, HopProgress(progress)))
    seconds = progress.seconds
    console.result(
        lambda: hop_report.hop_json(carried, seconds), lambda: hop_report.hop_table(carried, seconds)
    )
    failures = [blob.error for blob in carried if blob.error]
    for failure in failures:
        print(f"acr-transfer: {failure}", file=sys.stderr)
    return failures[0].exit_code if failures else 0


async def _unpack(options: argparse.Namespace, progress: HopProgress) -> list[Carried]:
    from transfer import ciphers, packs, sides
    from transfer.pace import Pace
    from transfer.unpacking import unpack

    pace = Pace(cap=options.cap)
    keys = ciphers.identities(options.identity)
    packs.same_pack(options.folders)
    if options.container_url:
        opened = sides.container_at(options.container_url, pace)
    else:
        (stack,) = await sides.read_stacks([options.target], options.cwd)
        opened = sides.container(stack, pace)
    async with opened as target:
        return await unpack(options.folders, target.client, keys, pace, progress.begin, progress.advance)
