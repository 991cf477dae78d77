"""`acr-transfer doctor`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.cli.table import wrapped
from acr_transfer.errors import DoctorError
from acr_transfer.units import plural

if TYPE_CHECKING:
    from acr_transfer.azure.stacks import Stack
    from acr_transfer.operate.facts import Blob, Facts
    from acr_transfer.operate.finding import Finding

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

    from acr_transfer.operate.doctor import examined
    from acr_transfer.operate.finding import Verdict

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

    from acr_transfer.azure import connect

    wanted = [side for side in ("source", "target") if options.only in (None, side)]
    stacks = await connect.read_stacks([getattr(options, side) for side in wanted], options.cwd)
    found = list(await asyncio.gather(*map(_side, wanted, stacks)))
    if len(found) == 2:
        found[1].expected = found[0].expected
    return found


async def _side(side: str, stack: Stack) -> Facts:
    from acr_transfer.azure import connect
    from acr_transfer.azure.http_session import http_session
    from acr_transfer.operate import collect

    async with (
        connect.arm(stack) as management,
        http_session() as session,
        connect.signed_in(stack.provider) as (_, login),
    ):
        looking = collect.Examination(side, stack, connect.subscription(stack), management, session)
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
    from acr_transfer.azure import connect
    from acr_transfer.plan.unsupported import burdens
    from acr_transfer.registry.resolve import resolve

    handover = stack.handover()
    facts.expected, listed = tuple(handover.blob_names), handover.references
    async with connect.registry(stack) as registry:
        found = await resolve(listed, {}, registry, with_referrers=False)
    facts.artifacts, facts.absent = len(listed), tuple(found.absent)
    facts.burdens = (*sorted(set(found.lost)), *burdens(found))


async def _blobs(stack: Stack) -> list[Blob]:
    from acr_transfer.azure import connect
    from acr_transfer.copy.blocks import CATEGORY, category
    from acr_transfer.errors import explained, host
    from acr_transfer.operate.facts import Blob

    found = []
    with explained("listing blobs", host(stack.container_url()), needs="to read blobs"):
        async with connect.container(stack) as container:
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
