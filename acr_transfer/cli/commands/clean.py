"""`acr-transfer clean`."""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import days
from acr_transfer.cli.sides import add_both_sides, read_all_runs, read_sides
from acr_transfer.cli.table import table
from acr_transfer.operate.clean import Leftover, clean_side
from acr_transfer.units import human_size, plural

PURPOSE = "list old runs and blobs of both sides, and remove them with --yes"
EXAMPLES = (
    ("acr-transfer clean", "list runs and blobs, and which of them --yes would remove"),
    (
        "acr-transfer clean --side target --older-than 30 --yes",
        "remove what was imported 30 days ago or earlier",
    ),
    (
        "acr-transfer clean --older-than 0 --all-runs --yes",
        "remove every run that is not in a stack, before pulumi destroy",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of clean."""
    add_both_sides(parser)
    sides = ("source", "target", "both")
    parser.add_argument("--side", choices=sides, default="both", help="side to clean (%(default)s)")
    age = "only runs and blobs that ended at least this many days ago (7)"
    parser.add_argument("--older-than", metavar="DAYS", type=days, default=timedelta(days=7), help=age)
    every = "also runs whose blobs stay: Azure may refuse to delete a pipeline that runs name"
    parser.add_argument("--all-runs", action="store_true", help=every)
    parser.add_argument("--yes", action="store_true", help="remove the listed runs and blobs")


def run(options: argparse.Namespace) -> int:
    """List the leftovers, and remove them with `--yes`."""
    console = Console(options)
    found = asyncio.run(_clean(options))
    console.result(
        lambda: leftovers_json(found, removed=options.yes),
        lambda: leftovers_table(found, removed=options.yes),
    )
    return 0


async def _clean(options: argparse.Namespace) -> list[Leftover]:
    only = None if options.side == "both" else options.side
    stacks, states = await asyncio.gather(read_sides(options, only), read_all_runs(options, only))
    found = [
        await clean_side(
            side,
            stack,
            states[side],
            options.older_than,
            every_run=options.all_runs,
            remove=options.yes,
        )
        for side, stack in stacks.items()
    ]
    return [leftover for side in found for leftover in side]


def leftovers_table(found: Sequence[Leftover], *, removed: bool) -> str:
    """One line for each leftover, then the totals and the next step."""
    fates = {True: "removed" if removed else "goes", False: "stays"}
    sizes = [human_size(each.size) if each.kind == "blob" else "-" for each in found]
    rows = [
        (each.side, each.kind, each.name, size, fates[each.goes], each.reason)
        for each, size in zip(found, sizes, strict=True)
    ]
    lines = [table(("side", "kind", "name", "size", "", "why"), rows, right=(3,))] if rows else []
    going = [leftover for leftover in found if leftover.goes]
    blobs = [leftover for leftover in going if leftover.kind == "blob"]
    size = human_size(sum(blob.size for blob in blobs))
    count = f"{plural(len(blobs), 'blob')} ({size}) and {plural(len(going) - len(blobs), 'run')}"
    if not going:
        return "\n".join([*lines, "nothing to remove"])
    return "\n".join([*lines, f"{count} removed" if removed else f"{count} can go; --yes removes them"])


def leftovers_json(found: Sequence[Leftover], *, removed: bool) -> dict[str, Any]:
    """The report for machines; `docs/pack.md` describes it."""
    keys = ("side", "kind", "name", "size", "goes", "reason")
    leftovers = [{key: getattr(leftover, key) for key in keys} for leftover in found]
    return {"schema": 1, "removed": removed, "leftovers": leftovers}
