"""`acr-transfer unpack`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from acr_transfer.cli.commands.hop import add_container_url
from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sizes import rate

if TYPE_CHECKING:
    from acr_transfer.copy.hop import Carried

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

    from acr_transfer.copy import report

    console = Console(options)
    with console.progress() as progress:
        carried = asyncio.run(_unpack(options, HopProgress(progress)))
    seconds = progress.seconds
    console.result(lambda: report.hop_json(carried, seconds), lambda: report.hop_table(carried, seconds))
    failures = [blob.error for blob in carried if blob.error]
    for failure in failures:
        print(f"acr-transfer: {failure}", file=sys.stderr)
    return failures[0].exit_code if failures else 0


async def _unpack(options: argparse.Namespace, progress: HopProgress) -> list[Carried]:
    from acr_transfer.azure import connect
    from acr_transfer.copy.throttle import Pace
    from acr_transfer.disk import encryption, layout
    from acr_transfer.disk.unpack import unpack

    pace = Pace(cap=options.cap)
    keys = encryption.identities(options.identity)
    layout.same_pack(options.folders)
    if options.container_url:
        opened = connect.container_at(options.container_url, pace)
    else:
        (stack,) = await connect.read_stacks([options.target], options.cwd)
        opened = connect.container(stack, pace)
    async with opened as target:
        return await unpack(options.folders, target.client, keys, pace, progress.begin, progress.advance)
