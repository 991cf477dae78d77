"""`acr-transfer hop`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sizes import rate

if TYPE_CHECKING:
    from acr_transfer.azure.containers import Container
    from acr_transfer.copy.hop import Carried, Line
    from acr_transfer.copy.throttle import Pace
    from acr_transfer.model.documents.handover import Handover

PURPOSE = "copy the exported blobs from the source's container to the target's"
EXAMPLES = (
    ("acr-transfer hop --source source --target target", "carry what the source stack exported"),
    ("acr-transfer hop --cap 20M", "leave the line to others: 20 MiB a second at most"),
    (
        "acr-transfer hop --handover handover.json --container-url https://account.blob.example/transfer",
        "without any stack, with the caller's own rights on the blobs",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of hop."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    add_project(parser)
    add_handover(parser)
    add_container_url(parser)
    parser.add_argument(
        "--way",
        choices=("auto", "server", "stream"),
        default="auto",
        help="server: the target's storage reads the source itself; stream: through this machine; "
        "auto: the first if it works (%(default)s)",
    )
    parser.add_argument(
        "--cap", metavar="RATE", type=rate, help="bytes a second at most when streaming: 500K, 20M, 1G"
    )


def add_handover(parser: argparse.ArgumentParser) -> None:
    """`--handover`: a file instead of the source stack."""
    parser.add_argument(
        "--handover",
        metavar="FILE",
        type=Path,
        help="hand-over in a file; the source stack is not asked, and the source's blobs are read with the "
        "caller's own rights (Storage Blob Data Reader)",
    )


def add_container_url(parser: argparse.ArgumentParser) -> None:
    """`--container-url`: a container instead of the target stack."""
    parser.add_argument(
        "--container-url",
        metavar="URL",
        help="container that blobs arrive in; the target stack is not asked, and the blobs are written with "
        "the caller's own rights (Storage Blob Data Contributor)",
    )


def run(options: argparse.Namespace) -> int:
    """Carry every blob and print what became of it."""
    import asyncio

    from acr_transfer.copy import report
    from acr_transfer.copy.throttle import Pace

    console = Console(options)
    pace = Pace(cap=options.cap)
    with console.progress() as progress:
        carried, way = asyncio.run(_carry(options, pace, HopProgress(progress)))
    if pace.busy_answers:
        console.remark(f"the storage services asked {pace.busy_answers} times for a slower pace")
    seconds = progress.seconds
    console.result(lambda: report.hop_json(carried, seconds), lambda: report.hop_table(carried, seconds, way))
    failures = [blob.error for blob in carried if blob.error]
    for failure in failures:
        print(f"acr-transfer: {failure}", file=sys.stderr)
    return failures[0].exit_code if failures else 0


async def _carry(options: argparse.Namespace, pace: Pace, progress: HopProgress) -> tuple[list[Carried], str]:
    from acr_transfer.copy.hop import hop, line
    from acr_transfer.copy.server_side import Way

    async with _ends(options, pace) as (handover, source, target):
        between = line(source.client, target.client, pace, source.link, Way(options.way))
        carried = await hop(handover.blob_names, between, progress.begin, progress.advance)
        return carried, _way(between, options.way)


def _way(between: Line, wish: str) -> str:
    from acr_transfer.copy.server_side import Way

    chooser = between.chooser
    if chooser.way is Way.SERVER:
        return "server to server: the target's storage reads the source itself"
    if chooser.reason and wish == "auto":
        return f"through this machine: the target's storage cannot read the source ({chooser.reason})"
    return ""


@asynccontextmanager
async def _ends(
    options: argparse.Namespace, pace: Pace
) -> AsyncIterator[tuple[Handover, Container, Container]]:
    """The hand-over, the container that blobs leave, and the one that they arrive in."""
    from acr_transfer.azure import connect
    from acr_transfer.model.documents.handover import Handover

    wanted = {
        side: getattr(options, side)
        for side, given in (("source", options.handover), ("target", options.container_url))
        if not given
    }
    read = await connect.read_stacks(list(wanted.values()), options.cwd)
    stacks = dict(zip(wanted, read, strict=True))
    async with AsyncExitStack() as open_now:
        if "source" in stacks:
            handover = stacks["source"].handover()
            source = await open_now.enter_async_context(connect.container(stacks["source"], pace))
        else:
            handover = Handover.read(options.handover)
            url = handover.source.container_url
            source = await open_now.enter_async_context(connect.container_at(url, pace))
        if "target" in stacks:
            target = await open_now.enter_async_context(connect.container(stacks["target"], pace))
        else:
            target = await open_now.enter_async_context(connect.container_at(options.container_url, pace))
        yield handover, source, target
