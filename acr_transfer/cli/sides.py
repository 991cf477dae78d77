"""The two ends of a copy as options: a stack, or a hand-over file or a container URL instead."""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import file_path, rate
from acr_transfer.cli.parser import add_project, add_stack

if TYPE_CHECKING:
    from acr_transfer.azure.containers import Container
    from acr_transfer.azure.recorded_runs import RecordedRuns
    from acr_transfer.azure.stack_state import StateResource
    from acr_transfer.azure.stacks import Stack
    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.model.documents.handover import Handover

Found = TypeVar("Found")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add `--source` and `--handover`."""
    add_stack(parser, "source", "stack that exports")
    parser.add_argument(
        "--handover",
        metavar="FILE",
        type=file_path,
        help="read the hand-over from a file instead of the source stack; the blobs are read with the "
        "caller's own rights (Storage Blob Data Reader)",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add `--target` and `--container-url`."""
    add_stack(parser, "target", "stack that imports")
    parser.add_argument(
        "--container-url",
        metavar="URL",
        help="target container instead of the target stack's; the blobs are written with the caller's own "
        "rights (Storage Blob Data Contributor)",
    )


def add_cap(parser: argparse.ArgumentParser, of: str = "") -> None:
    """Add `--cap`; `of` names what it limits."""
    help = f"maximum bytes a second{of}: 500K, 20M, 1G"
    parser.add_argument("--cap", metavar="RATE", type=rate, help=help)


def add_both_sides(parser: argparse.ArgumentParser, *, only: bool = False) -> None:
    """Add `--source`, `--target` and `--cwd`, and `--only` on request, for `read_sides`."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    if only:
        parser.add_argument("--only", choices=("source", "target"), help="only this side")
    add_project(parser)


async def read_sides(options: argparse.Namespace, only: str | None) -> dict[str, "Stack"]:
    """The stacks by side: both, or only one."""
    from acr_transfer.azure import connect

    sides = _sides(only)
    stacks = await connect.read_stacks([getattr(options, side) for side in sides], options.cwd)
    return dict(zip(sides, stacks, strict=True))


def both_names(options: argparse.Namespace) -> dict[str, str]:
    """The names of both stacks, by side."""
    return {side: str(getattr(options, side)) for side in ("source", "target")}


async def read_states(
    options: argparse.Namespace, only: str | None
) -> dict[str, tuple["StateResource", ...]]:
    """The resources in the states of the stacks by side: both, or only one."""
    from acr_transfer.azure.stack_state import read_state

    return await _read_each(options, only, read_state)


async def read_all_runs(options: argparse.Namespace, only: str | None) -> dict[str, "RecordedRuns"]:
    """The runs in the states of the stacks by side: both, or only one."""
    from acr_transfer.azure.recorded_runs import read_runs

    return await _read_each(options, only, read_runs)


async def _read_each(
    options: argparse.Namespace, only: str | None, read: Callable[[str, Path], Found]
) -> dict[str, Found]:
    """What `read` returns for the name and the folder of each stack, by side."""
    sides = _sides(only)
    reads = (asyncio.to_thread(read, getattr(options, side), options.cwd) for side in sides)
    return dict(zip(sides, await asyncio.gather(*reads), strict=True))


def _sides(only: str | None) -> list[str]:
    return [only] if only else ["source", "target"]


async def source_side(
    options: argparse.Namespace, throttle: "Throttle", console: Console
) -> tuple["Handover", AbstractAsyncContextManager["Container"]]:
    """The hand-over, with a warning if it is outdated, and the container that the blobs are read from."""
    from acr_transfer.azure import containers
    from acr_transfer.model.documents.handover import Handover

    if options.handover:
        handover = Handover.read(options.handover)
        return handover, containers.container_at(handover.source.container_url, throttle)
    stacks, runs = await asyncio.gather(read_sides(options, "source"), read_all_runs(options, "source"))
    stack = stacks["source"]
    if reason := runs["source"].newer_than(stack.outputs):
        console.warn(
            f"the last deployment of stack {stack.name!r} {reason}. The hand-over is that of the deployment "
            f"before. Wait for the end of the deployment, or repeat it: `pulumi up -s {stack.name}`"
        )
    return stack.handover(), containers.container(stack, throttle)


async def target_side(
    options: argparse.Namespace, throttle: "Throttle"
) -> tuple["Stack | None", AbstractAsyncContextManager["Container"]]:
    """The target stack, if it is one, and the container that the blobs are written to."""
    from acr_transfer.azure import connect, containers

    if options.container_url:
        return None, containers.container_at(options.container_url, throttle)
    (stack,) = await connect.read_stacks([options.target], options.cwd)
    return stack, containers.container(stack, throttle)
