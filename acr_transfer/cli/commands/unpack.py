"""`acr-transfer unpack`."""

import argparse

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import file_path
from acr_transfer.cli.parser import add_project
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sides import add_cap, add_target, target_side

PURPOSE = "copy the blobs of packed folders to the target's container"
EXAMPLES = (
    ("acr-transfer unpack /media/disk", "to the container of the target stack"),
    (
        "acr-transfer unpack /media/disk --identity key.txt --container-url https://a.blob.example/transfer",
        "an encrypted pack, without a stack",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of unpack."""
    parser.add_argument(
        "folders",
        metavar="DIR",
        type=file_path,
        nargs="+",
        help="folders of one pack; missing ones may follow later",
    )
    add_target(parser)
    add_project(parser)
    parser.add_argument(
        "--identity", metavar="FILE", type=file_path, action="append", default=[],
        help="file with the secret key of age or SSH that decrypts the pack; may be repeated",
    )  # fmt: skip
    add_cap(parser)


def run(options: argparse.Namespace) -> int:
    """Copy every blob and print the results."""
    import asyncio

    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.cli.copy_report import print_copies
    from acr_transfer.copy.result import CopyResult
    from acr_transfer.disk import keys
    from acr_transfer.disk.layout import PackOnDisks
    from acr_transfer.disk.unpack import unpack

    identities = keys.identities(options.identity)
    pack = PackOnDisks.read(options.folders)

    async def copy(progress: HopProgress) -> list[CopyResult]:
        throttle = Throttle(cap=options.cap)
        _, arriving = await target_side(options, throttle)
        async with arriving as target:
            return await unpack(pack, target.client, identities, throttle, progress)

    console = Console(options)
    with console.progress() as progress:
        results = asyncio.run(copy(HopProgress(progress)))
    return print_copies(console, results, progress.seconds)
