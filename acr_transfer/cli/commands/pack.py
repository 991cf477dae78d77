"""`acr-transfer pack`."""

import argparse

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import file_path, size
from acr_transfer.cli.parser import add_project
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sides import add_cap, add_source, source_side

PURPOSE = "write the exported blobs to folders, for transport by hand"
EXAMPLES = (
    ("acr-transfer pack /media/disk", "all blobs of the source stack, in parts of 2 GiB"),
    ("acr-transfer pack /media/one /media/two --part-size 8G", "on two disks"),
    ("acr-transfer pack /media/disk --recipient age1ql3z7hjy54pw...", "encrypted for one reader"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of pack."""
    parser.add_argument(
        "folders", metavar="DIR", type=file_path, nargs="+", help="folders to write to, filled in this order"
    )
    add_source(parser)
    add_project(parser)
    parser.add_argument(
        "--part-size", metavar="SIZE", type=size, default=size("2G"), help="bytes of content in a file (2G)"
    )
    parser.add_argument(
        "--recipient", metavar="KEY", action="append", default=[],
        help="encrypt for this public key of age (age1...) or SSH; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--recipients-file", metavar="FILE", type=file_path, action="append", default=[],
        help="file with public keys, one on each line; may be repeated",
    )  # fmt: skip
    add_cap(parser)


def run(options: argparse.Namespace) -> int:
    """Write the pack and print its content."""
    import asyncio

    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.cli.copy_report import pack_json, pack_table
    from acr_transfer.copy.source import SourceContainer
    from acr_transfer.disk import keys
    from acr_transfer.disk.pack import PackOptions, pack
    from acr_transfer.model.documents.pack_manifest import PackManifest

    recipients = keys.recipients(options.recipient, options.recipients_file)
    wanted = PackOptions(part_size=options.part_size, recipients=recipients)
    throttle = Throttle(cap=options.cap)
    remarks: list[str] = []

    async def write(progress: HopProgress) -> PackManifest:
        handover, leaving = await source_side(options, throttle, console)
        async with leaving as container, SourceContainer(container.client, throttle) as source:
            return await pack(handover, source, options.folders, wanted, progress, remarks.append)

    console = Console(options)
    with console.progress() as progress:
        manifest = asyncio.run(write(HopProgress(progress)))
    for remark in remarks:
        console.remark(remark)
    packed = manifest, options.folders, progress.seconds
    console.result(lambda: pack_json(*packed), lambda: pack_table(*packed))
    return 0
