"""`acr-transfer doctor`."""

import argparse
import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.sides import add_both_sides, both_names, read_sides, read_states
from acr_transfer.cli.table import wrapped
from acr_transfer.cli.ways_out import cause_json, cause_lines
from acr_transfer.errors import DoctorError
from acr_transfer.operate.doctor import diagnose
from acr_transfer.operate.facts import DoctorFinding, Facts
from acr_transfer.operate.unconfirmed import UNCONFIRMED, command
from acr_transfer.units import plural

if TYPE_CHECKING:
    from acr_transfer.azure.stacks import Stack

PURPOSE = "find what would make a transfer fail, before it runs"
EXAMPLES = (
    ("acr-transfer doctor", "check every prerequisite of both sides, and show how to fix each fault"),
    ("acr-transfer doctor --only source --json", "one side, for machines"),
    ("acr-transfer doctor --unconfirmed", "what nobody has confirmed on Azure yet, for both stacks"),
)
_COLOURS = {"good": "green", "fault": "red", "warning": "yellow", "not seen": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of doctor."""
    add_both_sides(parser, only=True)
    parser.add_argument(
        "--unconfirmed",
        action="store_true",
        help="list what nobody has confirmed on Azure yet for these stacks, and the commands that show it",
    )


def run(options: argparse.Namespace) -> int:
    """Check both sides and print every finding; raise `DoctorError` if there is a fault."""
    console = Console(options)
    if options.unconfirmed:
        return _list_unconfirmed(options, console)
    with console.progress() as progress:
        progress.show("checking both sides")
        collected = asyncio.run(_collect(options))
    findings = [finding for facts in collected for finding in diagnose(facts)]
    console.result(lambda: {"schema": 1, "findings": [*map(_json, findings)]}, lambda: _text(findings))
    if faults := sum(finding.outcome == "fault" for finding in findings):
        count = plural(faults, "fault")
        raise DoctorError(f"{count} found that would make a transfer fail; see `fix:` above")
    return 0


def _list_unconfirmed(options: argparse.Namespace, console: Console) -> int:
    """Print the behaviors that the stacks meet; it reads the stacks, and nothing of Azure."""
    stacks = asyncio.run(read_sides(options, options.only))
    names = {side: stack.name for side, stack in stacks.items()}
    found = [
        {
            "side": side,
            "name": each.name,
            "question": each.question,
            "check": command(each, side, names, _pipeline(side, stack)),
            "shows": each.shows,
            "setting": each.setting,
        }
        for side, stack in stacks.items()
        for each in UNCONFIRMED
        if each.applies(side, stack.keys)
    ]
    console.result(
        lambda: {"schema": 1, "unconfirmed": found},
        lambda: "\n".join(line for each in found for line in _unconfirmed_lines(each)),
    )
    return 0


def _pipeline(side: str, stack: "Stack") -> str:
    """The resource ID of a deployed pipeline; empty before the first `pulumi up`."""
    return str(stack.outputs.get("exportPipelineId" if side == "source" else "importPipelineId") or "")


def _unconfirmed_lines(each: dict[str, str]) -> list[str]:
    first, *rest = wrapped(each["question"], 8)
    for label in ("check", "shows", "setting"):
        rest += wrapped(f"{label}: {each[label]}", 8, hanging=9)
    return [f"{each['side']:6}  {first.lstrip()}", *rest]


async def _collect(options: argparse.Namespace) -> list[Facts]:
    from acr_transfer.operate.collect import collect

    stacks, states = await asyncio.gather(
        read_sides(options, options.only), read_states(options, options.only)
    )
    found = await collect(stacks, states)
    return [replace(facts, stacks=both_names(options)) for facts in found]


def _text(findings: list[DoctorFinding]) -> str:
    lines = [line for finding in findings for line in _lines(finding)]
    counts = {word: sum(finding.outcome == word for finding in findings) for word in _COLOURS}
    parts = [
        plural(count, word) if word in ("fault", "warning") else f"{count} {word}"
        for word, count in counts.items()
        if count
    ]
    return "\n".join([*lines, ", ".join(parts)])


def _lines(finding: DoctorFinding) -> list[str]:
    word = coloured(f"{finding.outcome.value:8}", _COLOURS[finding.outcome.value])
    first, *rest = wrapped(finding.what, 18)
    if finding.cause:
        rest += cause_lines(finding.cause, 18)
    return [f"{word}  {finding.side:6}  {first.lstrip()}", *rest]


def _json(finding: DoctorFinding) -> dict[str, Any]:
    check = {"side": finding.side, "check": finding.check, "verdict": finding.outcome.value}
    return check | {"what": finding.what} | cause_json(finding.cause)
