"""`acr-transfer doctor`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from transfer.commandline import add_project, add_stack
from transfer.console import Console, coloured
from transfer.errors import DoctorError

if TYPE_CHECKING:
    from transfer.doctor import Finding
    from transfer.examining import Blob, Facts
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

    from transfer.doctor import Verdict, examined

    console = Console(options)
    with console.progress() as progress:
        progress.show("looking at both sides")
        facts = asyncio.run(_look(options))
    findings = [finding for each in facts for finding in examined(each)]
    console.result(lambda: _json(findings), lambda: _text(findings))
    faults = sum(finding.verdict is Verdict.FAULT for finding in findings)
    if faults:
        raise DoctorError(f"{faults} found that would make a transfer fail; what mends each is said above")
    return 0


async def _look(options: argparse.Namespace) -> list[Facts]:
    import asyncio

    from transfer import sides

    wanted = [side for side in ("source", "target") if options.only in (None, side)]
    stacks = await sides.read_stacks([getattr(options, side) for side in wanted], options.cwd)
    return list(await asyncio.gather(*map(_side, wanted, stacks)))


async def _side(side: str, stack: Stack) -> Facts:
    from transfer import examining, sides
    from transfer.clouds import Login, cloud_of
    from transfer.errors import TransferError

    tenant = stack.setting("azure-native:tenantId", "ARM_TENANT_ID")
    async with (
        sides.management(stack) as management,
        examining.session() as session,
        Login(await cloud_of(stack), tenant) as login,
    ):
        looking = examining.Examination(side, stack, sides.subscription(stack), management, session)
        facts = await looking.made(login)
    if side == "target" and facts.container:
        try:
            facts.blobs = tuple(await _blobs(stack))
        except TransferError as error:
            facts.unseen["blobs"] = str(error)
    return facts


async def _blobs(stack: Stack) -> list[Blob]:
    from transfer import sides
    from transfer.blocks import CATEGORY, category
    from transfer.errors import explained, host
    from transfer.examining import Blob

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
    parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return "\n".join([*lines, parts])


def _lines(finding: Finding) -> list[str]:
    word = coloured(f"{finding.verdict.value:8}", _COLOURS[finding.verdict.value])
    lines = [f"{word}  {finding.side:6}  {finding.what}"]
    if finding.why:
        lines.append(f"{'':18}why:  {finding.why}")
    if finding.mend:
        lines.append(f"{'':18}mend: {finding.mend}")
    return lines


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
