"""`acr-transfer pack`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from acr_transfer.cli.commands.hop import add_handover
from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sizes import rate, size

if TYPE_CHECKING:
    from acr_transfer.model.documents.pack_manifest import PackManifest

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

    from acr_transfer.disk import report

    console = Console(options)
    with console.progress() as progress:
        done = asyncio.run(_pack(options, HopProgress(progress)))
    seconds = progress.seconds
    console.result(
        lambda: report.pack_json(done, options.folders, seconds),
        lambda: report.pack_table(done, options.folders, seconds),
    )
    return 0


async def _pack(options: argparse.Namespace, progress: HopProgress) -> PackManifest:
    from acr_transfer.azure import connect
    from acr_transfer.copy.throttle import Pace
    from acr_transfer.disk import encryption
    from acr_transfer.disk.pack import Wish, pack
    from acr_transfer.model.documents.handover import Handover

    wish = Wish(
        part_size=options.part_size,
        recipients=encryption.recipients(options.recipient, options.recipients_file),
    )
    pace = Pace(cap=options.cap)
    if options.handover:
        handover = Handover.read(options.handover)
        opened = connect.container_at(handover.source.container_url, pace)
    else:
        (stack,) = await connect.read_stacks([options.source], options.cwd)
        handover = stack.handover()
        opened = connect.container(stack, pace)
    async with opened as source:
        return await pack(
            handover, source.client, options.folders, wish, pace, progress.begin, progress.advance
        )
