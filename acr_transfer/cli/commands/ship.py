"""`acr-transfer ship`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acr_transfer.cli.commands import hop, plan, prove
from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.option_types import seconds
from acr_transfer.cli.sides import add_both_sides
from acr_transfer.cli.table import table
from acr_transfer.errors import FAILURES, TransferError, exit_code

PURPOSE = "run plan, up, hop, up and prove from one machine that reaches both clouds"
EXAMPLES = (
    ("acr-transfer ship", "export, copy, import and prove what the source stack lists"),
    (
        "acr-transfer ship --rules transfer.toml --lock transfer.lock.json --receipt receipt.json",
        "plan by rules first, and record what was proved for the next plan",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ship."""
    add_both_sides(parser)
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
        "--receipt", metavar="FILE", type=Path, help="skip what this file lists, and add what is proved"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the evidence as one page")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=1200.0,
        help="maximum wait for the imports (%(default).0f)",
    )


AddArguments = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Step:
    """One step of a transfer."""

    name: str
    purpose: str
    run: Callable[[], str]
    """Runs the step and returns its outcome."""


@dataclass(frozen=True)
class StepResult:
    """A step that succeeded or was not needed."""

    name: str
    outcome: str
    seconds: float


def run(options: argparse.Namespace) -> int:
    """Run every step in order; a step skips what an earlier `ship` did."""
    console = Console(options)
    results = _run_steps(_steps(options, console), console)
    console.result(lambda: _json(results), lambda: _text(results))
    return 0


def _run_steps(steps: Sequence[Step], console: Console) -> list[StepResult]:
    results = []
    for number, step in enumerate(steps, start=1):
        console.remark(coloured(f"{number}/{len(steps)} {step.name}: {step.purpose}", "bold", sys.stderr))
        started = time.monotonic()
        try:
            outcome = step.run()
        except FAILURES as error:
            failed = TransferError(
                f"{step.name}: {error}\nEarlier steps are done. Run `ship` again to continue."
            )
            failed.exit_code = exit_code(error)
            raise failed from None
        results.append(StepResult(step.name, outcome, time.monotonic() - started))
    return results


def _steps(options: argparse.Namespace, console: Console) -> list[Step]:
    source, target = options.source, options.target
    steps = [
        Step("up source", "the registry exports into blobs", lambda: _up(source, options, console)),
        # The container must exist before blobs are copied to it.
        Step("up target", "deploy container and pipeline", lambda: _up(target, options, console)),
        Step("hop", "copy the blobs", lambda: _hop(options, console)),
        # With the trigger this changes nothing; without it, the stack starts the imports now.
        Step("import", "the stack imports what no trigger imports", lambda: _up(target, options, console)),
        Step("prove", "compare every digest at the target", lambda: _prove(options, console)),
    ]
    if options.rules:
        steps.insert(0, Step("plan", "pin what moves to digests", lambda: _plan(options, console)))
    return steps


def _plan(options: argparse.Namespace, console: Console) -> str:
    since = options.receipt if options.receipt and options.receipt.exists() else None
    return _done(
        plan.execute(
            _options_of(
                plan.add_arguments, options, rules=options.rules, out=options.lock, since=since, target=None
            ),
            console.of_step(),
        )
    )


def _hop(options: argparse.Namespace, console: Console) -> str:
    """Copy the blobs, unless all artifacts are proved: the import may have removed their blobs."""
    if _is_proved(options, console):
        console.remark("  every exported artifact is at the target already")
        return "not needed"
    return _done(hop.execute(_options_of(hop.add_arguments, options), console.of_step()))


def _prove(options: argparse.Namespace, console: Console) -> str:
    given = {"wait": options.wait, "receipt": options.receipt, "html": options.html}
    return _done(prove.execute(_options_of(prove.add_arguments, options, **given), console.of_step()))


def _is_proved(options: argparse.Namespace, console: Console) -> bool:
    try:
        return not prove.execute(_options_of(prove.add_arguments, options), console.of_step(silent=True))
    except FAILURES:
        return False


def _up(name: str, options: argparse.Namespace, console: Console) -> str:
    from acr_transfer.operate.deploy import deploy

    outcome = deploy(name, options.cwd, None if options.quiet else _print_line)
    console.remark(f"  {outcome}")
    return outcome


def _options_of(
    add_arguments: AddArguments, options: argparse.Namespace, **given: object
) -> argparse.Namespace:
    """The options of another command: its defaults, the stacks of `ship`, and `given`."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    stacks = {"source": options.source, "target": options.target, "cwd": options.cwd}
    return argparse.Namespace(**{**vars(parser.parse_args([])), **stacks, **given})


def _done(code: int) -> str:
    if code:
        error = TransferError("failed; see the errors above")
        error.exit_code = code
        raise error
    return "done"


def _print_line(line: str) -> None:
    if line.strip():
        print(coloured(f"  {line.rstrip()}", "dim", sys.stderr), file=sys.stderr)


def _text(results: Sequence[StepResult]) -> str:
    rows = [(step.name, step.outcome, f"{step.seconds:.0f} s") for step in results]
    total = f"all steps done in {sum(step.seconds for step in results):.0f} s"
    return f"{table(('step', 'outcome', 'duration'), rows, right=(2,))}\n{total}"


def _json(results: Sequence[StepResult]) -> dict[str, object]:
    steps = [
        {"name": step.name, "outcome": step.outcome, "seconds": round(step.seconds, 1)} for step in results
    ]
    return {"schema": 1, "steps": steps}
