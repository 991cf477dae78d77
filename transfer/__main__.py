"""The command `acr-transfer`: reads the line, runs the step, prints what came of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from transfer import report, sides
from transfer.errors import NothingExportedError, NotProvedError, TransferError, explained
from transfer.hop import Carried, hop
from transfer.progress import HopProgress, Progress
from transfer.prove import Proof, Verdict, prove

_EXIT_CODES = """exit codes:
  0  done; for prove: every artifact is proved
  2  the command line is wrong
  3  prove: not every artifact is proved
  4  a stack cannot be read, was never deployed, or lacks an output
  5  hop: nothing was exported, or a blob that the import would not take
  6  nobody is logged in, or a right is missing
  7  a container, storage account or registry is not there
  8  hop: a blob was not copied, or not as it is at the source
  9  a service cannot be reached or answers something unexpected
  130  stopped by Ctrl-C; the same command goes on"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(argv)
    # Python prints warnings of loggers that nobody listens to. Those of Azure's libraries name requests.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        with explained("an unforeseen request", "Azure"):
            run: Callable[[argparse.Namespace], int] = options.run
            return run(options)
    except TransferError as error:
        print(f"acr-transfer: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "acr-transfer: stopped. Nothing half done is visible; run the same command to go on.",
            file=sys.stderr,
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="acr-transfer",
        description="Carry what a source stack exported to a target stack, and prove what arrived.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, purpose in (
        ("hop", _hop, "copy the exported blobs from the source's container to the target's"),
        ("prove", _prove, "read every manifest at the target and compare its digest with the source's"),
    ):
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose.capitalize() + ".",
            epilog=f"example: acr-transfer {name} --source source --target target",
        )
        command.set_defaults(run=run)
        command.add_argument(
            "--source", metavar="STACK", default="source", help="stack that exports (%(default)s)"
        )
        command.add_argument(
            "--target", metavar="STACK", default="target", help="stack that imports (%(default)s)"
        )
        command.add_argument(
            "-C", "--cwd", metavar="DIR", type=Path, default=Path(), help="folder of Pulumi.yaml (.)"
        )
        command.add_argument("--json", action="store_true", help="print JSON instead of a table")
        if run is _prove:
            command.add_argument(
                "--wait",
                metavar="SECONDS",
                type=_seconds,
                default=0.0,
                help="look again until all is proved, for so long; a trigger takes up to 15 minutes",
            )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def _hop(options: argparse.Namespace) -> int:
    progress = Progress(sys.stderr)
    try:
        carried = asyncio.run(_carry(options, HopProgress(progress)))
    finally:
        progress.end()
    seconds = progress.seconds
    _print(options, lambda: report.hop_json(carried, seconds), lambda: report.hop_table(carried, seconds))
    failures = [blob.error for blob in carried if blob.error]
    for failure in failures:
        print(f"acr-transfer: {failure}", file=sys.stderr)
    return failures[0].exit_code if failures else 0


async def _carry(options: argparse.Namespace, progress: HopProgress) -> list[Carried]:
    source, target = await sides.read_stacks((options.source, options.target), options.cwd)
    names = [blob.name for blob in source.handover()]
    async with sides.container(source) as leaving, sides.container(target) as arriving:
        return await hop(names, leaving, arriving, progress.begin, progress.advance)


def _prove(options: argparse.Namespace) -> int:
    progress = Progress(sys.stderr)
    try:
        proof = asyncio.run(_look(options, progress))
    finally:
        progress.end()
    _print(options, lambda: report.proof_json(proof), lambda: report.proof_table(proof))
    if not proof.complete:
        raise NotProvedError(_what_to_do(proof))
    return 0


async def _look(options: argparse.Namespace, progress: Progress) -> Proof:
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
    advice = {
        Verdict.MISSING: "missing: has hop run, and the import? See `runs` of the target stack; --wait waits",
        Verdict.DIFFERENT: "different: a tag that moved at the source since the export, or an import without "
        "OverwriteTags; export again with a new forceUpdateTag",
        Verdict.NOT_PROVABLE: "not provable: gone at the source; export by digest to prove without it",
    }
    counts = {verdict: sum(finding.verdict is verdict for finding in proof.findings) for verdict in advice}
    lines = [f"{counts[verdict]} {text}" for verdict, text in advice.items() if counts[verdict]]
    return "not every artifact is proved:\n  " + "\n  ".join(lines)


def _print(
    options: argparse.Namespace, for_machines: Callable[[], object], for_people: Callable[[], str]
) -> None:
    print(json.dumps(for_machines(), indent=2) if options.json else for_people())


if __name__ == "__main__":
    sys.exit(main())
