"""`acr-transfer pack`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from transfer.commandline import add_project, add_stack
from transfer.commands.hop import add_handover
from transfer.console import Console
from transfer.progress import HopProgress
from transfer.sizes import rate, size

if TYPE_CHECKING:
    from transfer.packs import Pack

PURPOSE = "write the exported blobs to a folder that can be carried to the other side"
EXAMPLES = (
    ("acr-transfer pack /media/disk", "all blobs of the source stack, in parts of 2 GiB"),
    ("acr-transfer pack /media/one /media/two --part-size 8G", "over two disks"),
    (
        "acr-transfer pack /media/disk --recipient age1ql3z7hjy54pw...",
        "for one reader alone",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of pack."""
    parser.add_argument(
        "folders", metavar="DIR", type=Path, nargs="+", help="where to write; several: in this order"
    )
    add_stack(parser, "source", "stack that exports")
    add_project(parser)
    add_handover(parser)
    parser.add_argument(
        "--part-size", metavar="SIZE", type=size, default=size("2G"), help="bytes of content in a file (2G)"
    )
    parser.add_argument(
        "--recipient", metavar="KEY", action="append", default=[],
        help="encrypt for this public key of age (age1...) or SSH; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--recipients-file", metavar="FILE", type=Path, action="append", default=[],
        help="file with public keys, one a line",
    )  # fmt: skip
    parser.add_argument("--cap", metavar="RATE", type=rate, help="bytes a second at most: 500K, 20M, 1G")


def run(options: argparse.Namespace) -> int:
    """Write the pack and print what is in it."""
    import asyncio

    from transfer import pack_report

    console = Console(options)
    with console.progress() as progress:
        done = asyncio.run(_pack(options, HopProgress(progress)))
    seconds = progress.seconds
    console.result(
        lambda: pack_report.pack_json(done, options.folders, seconds),
        lambda: pack_report.pack_table(done, options.folders, seconds),
    )
    return 0


async def _pack(options: argparse.Namespace, progress: HopProgress) -> Pack:
    from transfer import ciphers, handovers, sides
    from transfer.pace import Pace
    from transfer.packing import Wish, pack

    wish = Wish(
        part_size=options.part_size,
        recipients=ciphers.recipients(options.recipient, options.recipients_file),
    )
    pace = Pace(cap=options.cap)
    if options.handover:
        handover = handovers.read(options.handover)
        opened = sides.container_at(handover["source"]["containerUrl"], pace)
    else:
        (stack,) = await sides.read_stacks([options.source], options.cwd)
        handover = handovers.of_stack(stack)
        opened = sides.container(stack, pace)
    async with opened as source:
        return await pack(
            handover, source.client, options.folders, wish, pace, progress.begin, progress.advance
        )
