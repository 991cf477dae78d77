"""`acr-transfer hop`."""

import argparse

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sides import add_cap, add_source, add_target, source_side, target_side

PURPOSE = "copy the exported blobs from the source's container to the target's"
EXAMPLES = (
    ("acr-transfer hop --source source --target target", "copy what the source stack exported"),
    ("acr-transfer hop --cap 20M", "use at most 20 MiB a second"),
    (
        "acr-transfer hop --handover handover.json --container-url https://account.blob.example/transfer",
        "without stacks, with the caller's own rights on the blobs",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of hop."""
    add_source(parser)
    add_target(parser)
    add_project(parser)
    parser.add_argument(
        "--way",
        choices=("auto", "server", "stream"),
        default="auto",
        help="server: the target's storage reads the source directly; stream: through this machine; "
        "auto: server if that works, else stream (%(default)s)",
    )
    add_cap(parser, " of a streamed copy")


def run(options: argparse.Namespace, console: Console | None = None) -> int:
    """Copy every blob and print the results. `ship` passes another console."""
    import asyncio

    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.cli.copy_report import print_copies
    from acr_transfer.copy.hop import Route, hop
    from acr_transfer.copy.result import CopyMode, CopyResult

    console = console or Console(options)
    throttle = Throttle(cap=options.cap)

    async def copy(progress: HopProgress) -> tuple[list[CopyResult], Route]:
        (handover, leaving), arriving = await asyncio.gather(
            source_side(options, throttle, console), target_side(options, throttle)
        )
        async with leaving as source, arriving as target:
            route = Route(source.client, target.client, throttle, source.link, CopyMode(options.way))
            return await hop(handover.blob_names, route, progress), route

    with console.progress() as progress:
        results, route = asyncio.run(copy(HopProgress(progress)))
    if throttle.throttled_responses:
        console.remark(f"the storage services throttled {throttle.throttled_responses} requests")
    mode = ""
    if route.mode is CopyMode.SERVER:
        mode = "server to server: the target's storage reads the source directly"
    elif route.reason:
        mode = f"through this machine: {route.reason}"
    return print_copies(console, results, progress.seconds, mode)
