"""`acr-transfer prove`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from transfer.commandline import add_project, add_stack, seconds
from transfer.console import Console
from transfer.errors import NothingExportedError, NotProvedError

if TYPE_CHECKING:
    from transfer.progress import Progress
    from transfer.prove import Proof

PURPOSE = "read every manifest at the target and compare its digest with the source's"
EXAMPLES = (
    ("acr-transfer prove --source source --target target --wait 1200", "wait for the import, then prove it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of prove."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    add_project(parser)
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="look again until all is proved, for so long; a trigger takes up to 15 minutes",
    )


def run(options: argparse.Namespace) -> int:
    """Look at the target and print what is proved."""
    import asyncio

    from transfer import report

    console = Console(options)
    with console.progress() as progress:
        proof = asyncio.run(_look(options, progress))
    console.result(lambda: report.proof_json(proof), lambda: report.proof_table(proof))
    if not proof.complete:
        raise NotProvedError(_what_to_do(proof))
    return 0


async def _look(options: argparse.Namespace, progress: Progress) -> Proof:
    from transfer import sides
    from transfer.prove import prove

    source, target = await sides.read_stacks((options.source, options.target), options.cwd)
    artifacts = [artifact for blob in source.handover() for artifact in blob.artifacts]
    if not artifacts:
        raise NothingExportedError(
            f"the hand-over of stack {options.source!r} names no artifact: nothing to prove"
        )

    def watch(proved: int, total: int, rest: float) -> None:
        left = max(0.0, options.wait - progress.seconds)
        progress.show(
            f"{proved} of {total} artifacts proved" + (f"; looking again, up to {left:.0f} s" if rest else "")
        )

    async with sides.registry(source) as exported, sides.registry(target) as imported:
        return await prove(artifacts, exported, imported, wait=options.wait, watch=watch)


def _what_to_do(proof: Proof) -> str:
    from transfer.prove import Verdict

    advice = {
        Verdict.MISSING: "missing: has hop run, and the import? See `runs` of the target stack; --wait waits",
        Verdict.DIFFERENT: "different: a tag that moved at the source since the export, or an import without "
        "OverwriteTags; export again with a new forceUpdateTag",
        Verdict.NOT_PROVABLE: "not provable: gone at the source; export by digest to prove without it",
    }
    counts = {verdict: sum(finding.verdict is verdict for finding in proof.findings) for verdict in advice}
    lines = [f"{counts[verdict]} {text}" for verdict, text in advice.items() if counts[verdict]]
    return "not every artifact is proved:\n  " + "\n  ".join(lines)
