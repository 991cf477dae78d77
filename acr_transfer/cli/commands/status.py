"""`acr-transfer status`."""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.option_types import seconds
from acr_transfer.cli.sides import add_both_sides, both_names, read_sides
from acr_transfer.cli.table import cut, table, wrapped
from acr_transfer.cli.ways_out import cause_json, cause_lines
from acr_transfer.errors import RunFailedError
from acr_transfer.model.times import format_time
from acr_transfer.model.visible_text import visible_line
from acr_transfer.operate.runs import PipelineRun, unresolved_failures
from acr_transfer.operate.status import SideState, read_side
from acr_transfer.units import plural

PURPOSE = "show the runs of both sides, and how to fix a failed one"
EXAMPLES = (
    ("acr-transfer status", "both sides, newest runs first, including runs of the trigger"),
    ("acr-transfer status --watch 10", "check every ten seconds until all runs have finished"),
    ("acr-transfer status --only target --json", "one side, for machines"),
)
_COLOURS = {"Succeeded": "green", "Failed": "red", "missing": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of status."""
    add_both_sides(parser, only=True)
    watch = "check at this interval until all runs have finished (5)"
    parser.add_argument("--watch", metavar="SECONDS", nargs="?", const=5.0, type=seconds, help=watch)


def run(options: argparse.Namespace) -> int:
    """Print the state of both sides; raise `RunFailedError` if a failure is unresolved."""
    console = Console(options)
    with console.progress() as progress:
        progress.show("reading both sides")
        found = asyncio.run(_read(options, progress.show))
    console.result(
        lambda: {"schema": 1, "sides": [*map(_side_json, found)]}, lambda: "\n\n".join(map(_side_text, found))
    )
    if failures := [failure for side in found for failure in _failures(side)]:
        raise RunFailedError("\n".join(map(visible_line, failures)))
    return 0


async def _read(options: argparse.Namespace, show: Callable[[str], None]) -> list[SideState]:
    """The state of both sides; with `--watch`, once all runs have finished. One login serves all checks."""
    from acr_transfer.azure import connect

    stacks = await read_sides(options, options.only)
    names = both_names(options)
    async with AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(connect.arm(stack)) for stack in stacks.values()]
        while True:
            sides = zip(stacks.items(), clients, strict=True)
            found = await asyncio.gather(*(read_side(*side, names, arm) for side, arm in sides))
            if options.watch is None or not (active := _active(found)):
                return found
            show(f"{active}; next check in {options.watch:g} s")
            await asyncio.sleep(options.watch)


def _active(found: list[SideState]) -> str:
    """The unfinished runs and their progress; empty if all have finished."""
    runs = [run for side in found for run in side.runs if not run.ended]
    listed = [f"{cut(run.name, 24)} {run.progress or '0'}%" for run in runs]
    return f"{plural(len(runs), 'run')} in progress: {', '.join(listed)}" if runs else ""


def _failures(side: SideState) -> list[str]:
    lines = []
    if side.pipeline_cause:
        lines.append(f"{side.side}: pipeline {side.pipeline} is {side.pipeline_state}; see `fix:` above")
    for run in unresolved_failures(side.runs):
        lines.append(f"{side.side}: run {run.name} failed; see `fix:` above")
    return lines


def _side_text(side: SideState) -> str:
    trigger = f", trigger {visible_line(side.trigger)}" if side.trigger else ""
    pipeline = visible_line(side.pipeline)
    title = f"{side.side}: pipeline {pipeline} {_coloured(visible_line(side.pipeline_state))}{trigger}"
    lines = [title, *(cause_lines(side.pipeline_cause, 2) if side.pipeline_cause else ())]
    if not side.runs:
        return "\n".join([*lines, "  no runs yet"])
    header = ("run", "state", "done", "duration", "started", "by", "blob")
    heading, *rows = table(header, [_row(run) for run in side.runs], right=(2, 3), indent=2).splitlines()
    lines.append(heading)
    for row, run in zip(rows, side.runs, strict=True):
        lines += [row.replace(run.state, _coloured(run.state), 1), *_notes(run, side)]
    return "\n".join(lines)


def _row(run: PipelineRun) -> tuple[str, ...]:
    took = run.seconds(datetime.now(UTC))
    done = f"{run.progress}%" if run.progress else "-"
    started = f"{run.started:%Y-%m-%d %H:%M:%S}" if run.started else "-"
    duration = f"{took:.0f} s" if took is not None else "-"
    return run.name, run.state, done, duration, started, "trigger" if run.triggered else "stack", run.blob


def _notes(run: PipelineRun, side: SideState) -> list[str]:
    if cause := side.cause_of(run):
        return [*wrapped(run.error, 6), *cause_lines(cause, 6)]
    return wrapped(f"note: {run.warning}", 6, hanging=6) if run.warning else []


def _coloured(state: str) -> str:
    return coloured(state, _COLOURS.get(state, "yellow"))


def _side_json(side: SideState) -> dict[str, Any]:
    pipeline: dict[str, Any] = {
        "name": side.pipeline,
        "state": side.pipeline_state,
        "trigger": side.trigger or None,
    }
    if side.pipeline_cause:
        pipeline["cause"] = cause_json(side.pipeline_cause)
    return {"side": side.side, "pipeline": pipeline, "runs": [_run_json(run, side) for run in side.runs]}


def _run_json(run: PipelineRun, side: SideState) -> dict[str, Any]:
    took = run.seconds(datetime.now(UTC))
    return {
        "name": run.name,
        "state": run.state,
        "progress": run.progress or None,
        "started": format_time(run.started) if run.started else None,
        "finished": format_time(run.finished) if run.finished else None,
        "seconds": round(took, 1) if took is not None else None,
        "triggered": run.triggered,
        "blob": run.blob,
        "artifacts": run.artifacts,
        "error": run.error or None,
        "warning": run.warning or None,
        "cause": cause_json(cause) if (cause := side.cause_of(run)) else None,
    }
