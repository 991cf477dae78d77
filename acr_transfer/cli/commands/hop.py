"""`acr-transfer hop`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sides import add_cap, add_source, add_target, source_side, target_side

if TYPE_CHECKING:
    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.copy.result import CopyResult
    from acr_transfer.copy.server_side import ModeProbe

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
    add_cap(parser, "maximum bytes a second of a streamed copy: 500K, 20M, 1G")


def run(options: argparse.Namespace, console: Console | None = None) -> int:
    """Copy every blob and print the results. `ship` passes another console."""
    import asyncio

    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.cli.copy_report import print_copies

    console = console or Console(options)
    throttle = Throttle(cap=options.cap)
    with console.progress() as progress:
        results, mode = asyncio.run(_hop(options, throttle, HopProgress(progress)))
    if throttle.throttled_responses:
        console.remark(f"the storage services throttled {throttle.throttled_responses} requests")
    return print_copies(console, results, progress.seconds, mode)


async def _hop(
    options: argparse.Namespace, throttle: Throttle, progress: HopProgress
) -> tuple[list[CopyResult], str]:
    import asyncio

    from acr_transfer.copy.hop import Route, hop
    from acr_transfer.copy.result import CopyMode

    (handover, leaving), arriving = await asyncio.gather(
        source_side(options, throttle), target_side(options, throttle)
    )
    async with leaving as source, arriving as target:
        mode = CopyMode(options.way)
        route = Route(source.client, target.client, throttle, source.link, mode)
        results = await hop(handover.blob_names, route, progress)
    return results, _explained(route.probe, mode)


def _explained(probe: ModeProbe, requested: str) -> str:
    """The copy mode in a sentence; empty if there is nothing to explain."""
    if probe.mode == "server":
        return "server to server: the target's storage reads the source directly"
    if probe.reason and requested == "auto":
        return f"through this machine: the target's storage cannot read the source ({probe.reason})"
    return ""
