"""`acr-transfer clean`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

    from acr_transfer.azure.arm import ArmClient
    from acr_transfer.azure.stacks import Stack
    from acr_transfer.operate.clean import Leftover

PURPOSE = "list old runs and blobs of both sides, and remove them if told to"
EXAMPLES = (
    ("acr-transfer clean", "what there is, what would go, and why"),
    (
        "acr-transfer clean --side target --older-than 30 --yes",
        "remove what was imported a month ago or more",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of clean."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    add_project(parser)
    parser.add_argument(
        "--side", choices=("source", "target", "both"), default="both", help="where to look (%(default)s)"
    )
    parser.add_argument(
        "--older-than",
        metavar="DAYS",
        type=_days,
        default=timedelta(days=7),
        help="only what ended at least so many days ago (7)",
    )
    parser.add_argument("--yes", action="store_true", help="remove what is listed to go")


def _days(text: str) -> timedelta:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days")
    return timedelta(days=int(text))


def run(options: argparse.Namespace) -> int:
    """List, and with `--yes` remove."""
    import asyncio

    from acr_transfer.operate import clean_report

    console = Console(options)
    found = asyncio.run(_clean(options))
    console.result(
        lambda: clean_report.clean_json(found, removed=options.yes),
        lambda: clean_report.clean_table(found, removed=options.yes),
    )
    return 0


async def _clean(options: argparse.Namespace) -> list[Leftover]:
    from acr_transfer.azure import connect

    wanted = ("source", "target") if options.side == "both" else (options.side,)
    stacks = await connect.read_stacks([getattr(options, side) for side in wanted], options.cwd)
    found: list[Leftover] = []
    for side, stack in zip(wanted, stacks, strict=True):
        async with connect.container(stack) as container, connect.arm(stack) as management:
            listed = await _listed(side, stack, container.client, management, options.older_than)
            if options.yes:
                await _remove(listed, container.client, management)
            found += listed
    return found


async def _listed(
    side: str, stack: Stack, container: ContainerClient, management: ArmClient, age: timedelta
) -> list[Leftover]:
    from acr_transfer.copy.blocks import CATEGORY, category
    from acr_transfer.errors import explained, host
    from acr_transfer.operate.clean import Side, TransferBlob, judged
    from acr_transfer.operate.runs import all_runs

    with explained("listing the blobs", host(container.url), needs="to list blobs"):
        blobs = [
            TransferBlob(name=blob.name, size=blob.size, modified=blob.last_modified, etag=blob.etag)
            async for blob in container.list_blobs(include=["metadata"])
            # Whatever else is in the container is none of ours.
            if category(blob.metadata) == CATEGORY
        ]
    registry_id = stack.pipeline_id(side).rsplit("/", 2)[0]
    kept: Sequence[Any] = stack.outputs.get("runs") or ()
    found = Side(
        name=side,
        blobs=blobs,
        runs=await all_runs(registry_id, stack.container_url(), management),
        needed=stack.handover().blob_names if side == "source" else (),
        managed={str(run.get("id")).lower() for run in kept if isinstance(run, dict)},
    )
    return judged(found, datetime.now(UTC), age)


async def _remove(listed: Sequence[Leftover], container: ContainerClient, management: ArmClient) -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    from acr_transfer.errors import explained, host
    from acr_transfer.operate import runs

    # Blobs first: should this be stopped, the record of their import is still there.
    for leftover in listed:
        if leftover.goes and leftover.run is None:
            with explained(f"removing blob {leftover.name}", host(container.url), needs="to delete blobs"):
                try:
                    await container.delete_blob(
                        leftover.name, etag=leftover.etag, match_condition=MatchConditions.IfNotModified
                    )
                except (ResourceModifiedError, ResourceNotFoundError):
                    continue  # Written anew, or gone: not what was listed.
    for leftover in listed:
        if leftover.goes and leftover.run is not None:
            await runs.remove(leftover.run, management)
