"""`acr-transfer hop`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from transfer.commandline import add_project, add_stack
from transfer.console import Console
from transfer.progress import HopProgress

if TYPE_CHECKING:
    from transfer.hop import Carried

PURPOSE = "copy the exported blobs from the source's container to the target's"
EXAMPLES = (("acr-transfer hop --source source --target target", "carry what the source stack exported"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of hop."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    add_project(parser)


def run(options: argparse.Namespace) -> int:
    """Carry every blob and print what became of it."""
    import asyncio

    from transfer import report

    console = Console(options)
    with console.progress() as progress:
        carried = asyncio.run(_carry(options, HopProgress(progress)))
    seconds = progress.seconds
    console.result(lambda: report.hop_json(carried, seconds), lambda: report.hop_table(carried, seconds))
    failures = [blob.error for blob in carried if blob.error]
    for failure in failures:
        print(f"acr-transfer: {failure}", file=sys.stderr)
    return failures[0].exit_code if failures else 0


async def _carry(options: argparse.Namespace, progress: HopProgress) -> list[Carried]:
    from transfer import sides
    from transfer.hop import hop

    source, target = await sides.read_stacks((options.source, options.target), options.cwd)
    names = [blob.name for blob in source.handover()]
    async with sides.container(source) as leaving, sides.container(target) as arriving:
        return await hop(names, leaving, arriving, progress.begin, progress.advance)
