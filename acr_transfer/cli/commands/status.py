"""`acr-transfer status`."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.parser import add_project, add_stack, seconds
from acr_transfer.cli.table import cut, wrapped
from acr_transfer.errors import RunFailedError
from acr_transfer.model.times import format_time
from acr_transfer.units import plural

if TYPE_CHECKING:
    from acr_transfer.operate.runs import Run
    from acr_transfer.operate.status import SideState

PURPOSE = "tell how far every run of both sides is, and what to do about one that failed"
EXAMPLES = (
    ("acr-transfer status", "both sides, newest runs first, those of the trigger included"),
    ("acr-transfer status --watch 10", "again every ten seconds until nothing is under way"),
    ("acr-transfer status --only target --json", "one side, for machines"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of status."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    parser.add_argument("--only", choices=("source", "target"), help="ask this side alone")
    add_project(parser)
    parser.add_argument(
        "--watch",
        metavar="SECONDS",
        nargs="?",
        const=5.0,
        type=seconds,
        help="look again so often until nothing is under way (5)",
    )


def run(options: argparse.Namespace) -> int:
    """Ask both sides, print what they say, and fail if something has failed for good."""
    import asyncio

    console = Console(options)
    with console.progress() as progress:
        progress.show("asking both sides")
        found = asyncio.run(_look(options))
        while options.watch is not None and (waiting := _under_way(found)):
            progress.show(f"{waiting}; looking again every {options.watch:g} s")
            time.sleep(options.watch)
            found = asyncio.run(_look(options))
    console.result(lambda: _json(found), lambda: _text(found))
    if complaints := [complaint for side in found for complaint in _complaints(side)]:
        raise RunFailedError("\n".join(complaints))
    return 0


async def _look(options: argparse.Namespace) -> list[SideState]:
    import asyncio

    from acr_transfer.azure import connect

    wanted = [side for side in ("source", "target") if options.only in (None, side)]
    stacks = await connect.read_stacks([getattr(options, side) for side in wanted], options.cwd)
    return list(await asyncio.gather(*map(_side, wanted, stacks)))


async def _side(side: str, stack: Any) -> SideState:
    from acr_transfer.azure import connect
    from acr_transfer.operate.status import side_state

    async with connect.arm(stack) as management:
        return await side_state(side, stack.pipeline_id(side), stack.container_url(), management)


def _under_way(found: list[SideState]) -> str:
    """The runs that are not over, and how far each is."""
    runs = [run for side in found for run in side.runs if not run.ended]
    listed = [f"{cut(run.name, 24)} {run.progress or '0'}%" for run in runs]
    return f"{plural(len(runs), 'run')} under way: {', '.join(listed)}" if runs else ""


def _complaints(side: SideState) -> list[str]:
    from acr_transfer.operate.status import failed_and_never_mended

    lines = []
    if side.pipeline_state != "Succeeded":
        lines.append(f"{side.side}: pipeline {side.pipeline} is {side.pipeline_state}: run `pulumi up`")
    for run in failed_and_never_mended(side.runs):
        assert run.cause
        lines.append(f"{side.side}: run {run.name} failed: {run.cause.why}. {run.cause.mend}.")
    return lines


def _text(found: list[SideState]) -> str:
    return "\n\n".join(_side_text(side) for side in found)


def _side_text(side: SideState) -> str:
    from acr_transfer.cli.table import table

    trigger = f", trigger {side.trigger}" if side.trigger else ""
    title = f"{side.side}: pipeline {side.pipeline} {_coloured(side.pipeline_state)}{trigger}"
    if not side.runs:
        return f"{title}\n  no runs yet"
    header = ("run", "state", "done", "took", "began", "by", "blob")
    lines = table(header, [_row(run) for run in side.runs], right=(2, 3), indent=2).splitlines()
    told = [lines[0]]
    for line, run in zip(lines[1:], side.runs, strict=True):
        told.append(line.replace(run.state, _coloured(run.state), 1))
        told += _notes(run)
    return "\n".join([title, *told])


def _row(run: Run) -> tuple[str, ...]:
    took = run.seconds(datetime.now(UTC))
    done = f"{run.progress}%" if run.progress else "-"
    began = f"{run.started:%Y-%m-%d %H:%M:%S}" if run.started else "-"
    length = f"{took:.0f} s" if took is not None else "-"
    return run.name, run.state, done, length, began, "trigger" if run.triggered else "stack", run.blob


def _notes(run: Run) -> list[str]:
    if run.cause:
        return [
            *wrapped(run.error, 6),
            *wrapped(f"why:  {run.cause.why}", 6, hanging=6),
            *wrapped(f"mend: {run.cause.mend}", 6, hanging=6),
        ]
    return wrapped(f"note: {run.warning}", 6, hanging=6) if run.warning else []


def _coloured(state: str) -> str:
    colour = {"Succeeded": "green", "Failed": "red", "missing": "red"}.get(state, "yellow")
    return coloured(state, colour)


def _json(found: list[SideState]) -> dict[str, Any]:
    return {"schema": 1, "sides": [_side_json(side) for side in found]}


def _side_json(side: SideState) -> dict[str, Any]:
    pipeline = {"name": side.pipeline, "state": side.pipeline_state, "trigger": side.trigger or None}
    return {"side": side.side, "pipeline": pipeline, "runs": [_run_json(run) for run in side.runs]}


def _run_json(run: Run) -> dict[str, Any]:
    took = run.seconds(datetime.now(UTC))
    cause = {"why": run.cause.why, "mend": run.cause.mend} if run.cause else None
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
        "cause": cause,
    }
