"""`acr-transfer ship`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.parser import add_project, add_stack, seconds
from acr_transfer.errors import FAILURES, TransferError

PURPOSE = "do all of it, where this machine reaches both clouds: plan, up, hop, up, prove"
EXAMPLES = (
    ("acr-transfer ship", "export, carry, import and prove what the source stack lists"),
    (
        "acr-transfer ship --rules transfer.toml --lock transfer.lock.json --receipt receipt.json",
        "choose first what moves; note what was proved, for the next time",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ship."""
    add_stack(parser, "source", "stack that exports")
    add_stack(parser, "target", "stack that imports")
    add_project(parser)
    parser.add_argument(
        "--rules", metavar="FILE", type=Path, help="plan by these rules first, see docs/plan.md"
    )
    parser.add_argument(
        "--lock",
        metavar="FILE",
        type=Path,
        default=Path("transfer.lock.json"),
        help="with --rules: the lock to write, which acr-transfer:lock of the source names (%(default)s)",
    )
    parser.add_argument(
        "--receipt", metavar="FILE", type=Path, help="leave out what is proved here; add to it"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the evidence as one page")
    parser.add_argument(
        "--wait", metavar="SECONDS", type=seconds, default=1200.0, help="for the imports (%(default).0f)"
    )


@dataclass(frozen=True)
class Step:
    """One part of the way."""

    name: str
    purpose: str
    run: Callable[[], str]
    """Does it; what became of it, in a word or two."""


@dataclass(frozen=True)
class Done:
    """A step that ended well, or was not needed."""

    name: str
    outcome: str
    seconds: float


def run(options: argparse.Namespace) -> int:
    """Take every step in turn; each one skips by itself what is done already."""
    console = Console(options)
    done: list[Done] = []
    steps = _steps(options, console)
    for number, step in enumerate(steps, start=1):
        console.remark(coloured(f"{number}/{len(steps)} {step.name}: {step.purpose}", "bold", sys.stderr))
        began = time.monotonic()
        try:
            # What a step prints is told on the way; the result of ship is the list of its steps.
            with contextlib.redirect_stdout(sys.stderr):
                outcome = step.run()
        except FAILURES as error:
            error.args = (f"{step.name}: {error}\nThe steps before it are done. Run `ship` again to go on.",)
            raise
        done.append(Done(step.name, outcome, time.monotonic() - began))
    console.result(lambda: _json(done), lambda: _text(done))
    return 0


def _steps(options: argparse.Namespace, console: Console) -> list[Step]:
    source, target = options.source, options.target
    between = ["--source", source, "--target", target]
    proof = [*between, "--wait", str(options.wait), *_files(options, "receipt", "html")]
    steps = [
        Step("up source", "the registry exports into blobs", lambda: _up(source, options, console)),
        # Its container has to be there before blobs can arrive in it.
        Step("up target", "the container and the pipeline are there", lambda: _up(target, options, console)),
        Step("hop", "the blobs cross", lambda: _hop(between, options, console)),
        # With its trigger this changes nothing; without, the stack makes the imports now.
        Step("import", "the stack imports what no trigger does", lambda: _up(target, options, console)),
        Step("prove", "every digest is read at the target", lambda: _command(["prove", *proof], options)),
    ]
    if options.rules:
        chosen = ["plan", "--source", source, "--rules", str(options.rules), "--out", str(options.lock)]
        if options.receipt and options.receipt.exists():
            chosen += ["--since", str(options.receipt)]
        steps.insert(0, Step("plan", "what moves, by its digests", lambda: _command(chosen, options)))
    return steps


def _files(options: argparse.Namespace, *names: str) -> list[str]:
    given = [(name, getattr(options, name)) for name in names]
    return [word for name, value in given if value for word in (f"--{name}", str(value))]


def _hop(between: list[str], options: argparse.Namespace, console: Console) -> str:
    """Carry the blobs, unless all that they hold is at the target: an import may have removed them there."""
    if _all_proved(between, options):
        console.remark("  everything that was exported is at the target already")
        return "not needed"
    return _command(["hop", *between], options)


def _all_proved(between: list[str], options: argparse.Namespace) -> bool:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            return bool(_command(["prove", *between, "--quiet"], options))
        except FAILURES:
            return False


def _command(line: Sequence[str], options: argparse.Namespace) -> str:
    """Another command of this program, as it would be typed."""
    from acr_transfer.cli.commands import commands
    from acr_transfer.cli.parser import parser

    quiet = ["--quiet"] if options.quiet and "--quiet" not in line else []
    parsed = parser(commands()).parse_args([*line, "--cwd", str(options.cwd), *quiet])
    code = parsed.run(parsed)
    if code:
        error = TransferError("it did not end well; what it said is above")
        error.exit_code = code
        raise error
    return "done"


def _up(name: str, options: argparse.Namespace, console: Console) -> str:
    from acr_transfer.operate.deploy import up

    outcome = up(name, options.cwd, None if options.quiet else _told)
    console.remark(f"  {outcome}")
    return outcome


def _told(line: str) -> None:
    if line.strip():
        print(coloured(f"  {line.rstrip()}", "dim", sys.stderr), file=sys.stderr)


def _text(done: Sequence[Done]) -> str:
    from acr_transfer.cli.table import table

    rows = [(step.name, step.outcome, f"{step.seconds:.0f} s") for step in done]
    whole = f"all steps done in {sum(step.seconds for step in done):.0f} s"
    return f"{table(('step', 'outcome', 'took'), rows, right=(2,))}\n{whole}"


def _json(done: Sequence[Done]) -> dict[str, object]:
    steps = [{"name": step.name, "outcome": step.outcome, "seconds": round(step.seconds, 1)} for step in done]
    return {"schema": 1, "steps": steps}
