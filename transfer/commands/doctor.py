"""`acr-transfer doctor`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from transfer.commandline import add_project, add_stack
from transfer.console import Console, coloured
from transfer.errors import DoctorError
from transfer.table import plural, wrapped

if TYPE_CHECKING:
    from transfer.facts import Blob, Facts
    from transfer.findings import Finding
    from transfer.stacks import Stack

PURPOSE = "find what would make a transfer fail, before the wait"
EXAMPLES = (
    ("acr-transfer doctor", "every prerequisite of both sides, with what mends it"),
    ("acr-transfer doctor --only source --json", "one side, for machines"),
)
_COLOURS = {"good": "green", "fault": "red", "warning": "yellow", "not seen": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of doctor."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    parser.add_argument("--only", choices=("source", "target"), help="look at this side alone")
    add_project(parser)


def run(options: argparse.Namespace) -> int:
    """Look at both sides, print every finding, and fail if something would go wrong."""
    import asyncio

    from transfer.doctor import examined
    from transfer.findings import Verdict

    console = Console(options)
    with console.progress() as progress:
        progress.show("looking at both sides")
        facts = asyncio.run(_look(options))
    findings = [finding for each in facts for finding in examined(each)]
    console.result(lambda: _json(findings), lambda: _text(findings))
    faults = sum(finding.verdict is Verdict.FAULT for finding in findings)
    if faults:
        raise DoctorError(
            f"{plural(faults, 'fault')} found that would make a transfer fail; what mends each is said above"
        )
    return 0


async def _look(options: argparse.Namespace) -> list[Facts]:
    import asyncio

    from transfer import sides

    wanted = [side for side in ("source", "target") if options.only in (None, side)]
    stacks = await sides.read_stacks([getattr(options, side) for side in wanted], options.cwd)
    found = list(await asyncio.gather(*map(_side, wanted, stacks)))
    if len(found) == 2:
        found[1].expected = found[0].expected
    return found


async def _side(side: str, stack: Stack) -> Facts:
    from transfer import examining, sides

    async with (
        sides.management(stack) as management,
        examining.session() as session,
        sides.signed_in(stack) as (_, login),
    ):
        looking = examining.Examination(side, stack, sides.subscription(stack), management, session)
        facts = await looking.made(login)
    if facts.container:
        with looking.noting("the blobs"):
            facts.blobs = tuple(await _blobs(stack))
    if side == "source":
        with looking.noting("the artifacts"):
            await _leaving(stack, facts)
    return facts


async def _leaving(stack: Stack, facts: Facts) -> None:
    """What the source's hand-over lists, as far as it is in the registry."""
    from transfer import handovers, sides
    from transfer.burdens import burdens
    from transfer.handover import exported_by
    from transfer.resolving import resolve

    facts.expected = tuple(handovers.names(handovers.of_stack(stack)))
    listed = exported_by(stack).artifacts
    async with sides.registry(stack) as registry:
        found = await resolve(listed, {}, registry, with_referrers=False)
    facts.artifacts, facts.absent = len(listed), tuple(found.absent)
    facts.burdens = (*sorted(set(found.lost)), *burdens(found))


async def _blobs(stack: Stack) -> list[Blob]:
    from transfer import sides
    from transfer.blocks import CATEGORY, category
    from transfer.errors import explained, host
    from transfer.facts import Blob

    found = []
    with explained("listing blobs", host(stack.container_url()), needs="to read blobs"):
        async with sides.container(stack) as container:
            async for blob in container.client.list_blobs(include=["metadata"]):
                marked = category(blob.metadata) == CATEGORY
                hashed = bool(blob.content_settings.content_md5)
                found.append(Blob(blob.name, marked, hashed, blob.last_modified))
    return found


def _text(findings: list[Finding]) -> str:
    lines = [line for finding in findings for line in _lines(finding)]
    counts = {word: sum(finding.verdict == word for finding in findings) for word in _COLOURS}
    parts = [
        plural(count, word) if word in ("fault", "warning") else f"{count} {word}"
        for word, count in counts.items()
        if count
    ]
    return "\n".join([*lines, ", ".join(parts)])


def _lines(finding: Finding) -> list[str]:
    word = coloured(f"{finding.verdict.value:8}", _COLOURS[finding.verdict.value])
    lines = wrapped(finding.what, 18)
    if finding.why:
        lines += wrapped(f"why:  {finding.why}", 18, hanging=6)
    if finding.mend:
        lines += wrapped(f"mend: {finding.mend}", 18, hanging=6)
    return [f"{word}  {finding.side:6}  {lines[0].lstrip()}", *lines[1:]]


def _json(findings: list[Finding]) -> dict[str, Any]:
    return {"schema": 1, "findings": [_finding(finding) for finding in findings]}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "side": finding.side,
        "check": finding.check,
        "verdict": finding.verdict.value,
        "what": finding.what,
        "why": finding.why or None,
        "mend": finding.mend or None,
    }
