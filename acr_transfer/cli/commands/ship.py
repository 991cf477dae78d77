"""`acr-transfer ship`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from acr_transfer.cli.commands import hop, plan, prove
from acr_transfer.cli.console import Console, coloured, show
from acr_transfer.cli.option_types import file_path, seconds
from acr_transfer.cli.sides import add_both_sides
from acr_transfer.cli.table import table
from acr_transfer.errors import FAILURES, AccessError, ServiceError, TransferError, exit_code
from acr_transfer.file_reader import is_missing
from acr_transfer.model.visible_text import visible_line

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

    def add_file(option: str, help: str, default: Path | None = None) -> None:
        parser.add_argument(option, metavar="FILE", type=file_path, default=default, help=help)

    add_file("--rules", "plan by these rules first, see docs/plan.md")
    lock = "with --rules: the lock to write, which acr-transfer:lock of the source names (%(default)s)"
    add_file("--lock", lock, Path("transfer.lock.json"))
    add_file("--receipt", "skip what this file lists, and add what is proved")
    add_file("--html", "write the evidence as one page")
    wait = "maximum wait for the imports (%(default).0f)"
    parser.add_argument("--wait", metavar="SECONDS", type=seconds, default=1200.0, help=wait)


@dataclass(frozen=True)
class Step:
    """One step of a transfer."""

    name: str
    purpose: str
    run: Callable[[], str]
    """Runs the step and returns its outcome."""


Result = tuple[str, str, float]
"""The name of a completed step, its outcome, and its duration in seconds."""


def run(options: argparse.Namespace) -> int:
    """Run every step in order; a step skips what an earlier `ship` did."""
    console = Console(options)
    results = _run_steps(_steps(options, console), console)
    console.result(lambda: _json(results), lambda: _text(results))
    return 0


def _run_steps(steps: Sequence[Step], console: Console) -> list[Result]:
    results = []
    for number, step in enumerate(steps, start=1):
        console.remark(f"{number}/{len(steps)} {step.name}: {step.purpose}", "bold")
        started = time.monotonic()
        try:
            outcome = step.run()
        except FAILURES as error:
            failed = TransferError(
                f"{step.name}: {error}\nEarlier steps are done. Run `ship` again to continue."
            )
            failed.exit_code = exit_code(error)
            if isinstance(error, TransferError):
                failed.failure, failed.known = error.failure, error.known
            raise failed from None
        results.append((step.name, outcome, time.monotonic() - started))
    return results


def _steps(options: argparse.Namespace, console: Console) -> list[Step]:
    up_source = partial(_export, options, console)
    up_target = partial(_up, options.target, options, console)
    proof = {"wait": options.wait, "receipt": options.receipt, "html": options.html}
    compare = partial(_execute, prove, options, console, **proof)
    steps = [
        Step("up source", "the registry exports into blobs", up_source),
        # The container must exist before blobs are copied to it.
        Step("up target", "deploy container and pipeline", up_target),
        Step("hop", "copy the blobs", lambda: _hop(options, console)),
        # With the trigger this changes nothing; without it, the stack starts the imports now.
        Step("import", "the stack imports what no trigger imports", up_target),
        Step("prove", "compare every digest at the target", compare),
    ]
    if options.rules:
        since = None if options.receipt is None or is_missing(options.receipt) else options.receipt
        chosen = {"rules": options.rules, "out": options.lock, "since": since, "target": None}
        pin = partial(_execute, plan, options, console, **chosen)
        steps.insert(0, Step("plan", "pin what moves to digests", pin))
    return steps


def _hop(options: argparse.Namespace, console: Console) -> str:
    """Copy the blobs, unless all artifacts are proved: the import may have removed their blobs."""
    try:
        is_proved = prove.is_proved(_options_of(prove, options), console.of_step())
    except FAILURES:
        is_proved = False
    if not is_proved:
        return _execute(hop, options, console)
    console.remark("  every exported artifact is at the target already")
    return "not needed"


def _export(options: argparse.Namespace, console: Console) -> str:
    """Deploy the source stack, unless a tag has moved since the plan: another build would be exported."""
    import asyncio

    from acr_transfer.azure.stacks import read_stack
    from acr_transfer.operate.locked import refuse_moved_tags

    stack = read_stack(options.source, options.cwd, deployed=False)
    try:
        asyncio.run(refuse_moved_tags(stack))
    except (AccessError, ServiceError) as error:
        console.warn(f"the lock was not compared with the registry: {error}")
    return _up(options.source, options, console)


def _up(name: str, options: argparse.Namespace, console: Console) -> str:
    from acr_transfer.operate.deploy import deploy

    outcome = deploy(name, options.cwd, None if options.quiet else _print_line)
    console.remark(f"  {outcome}")
    return outcome


def _execute(command: ModuleType, options: argparse.Namespace, console: Console, **given: object) -> str:
    """Run another command as a step. Raises `TransferError` if it fails."""
    if code := command.run(_options_of(command, options, **given), console.of_step()):
        error = TransferError("failed; see the errors above")
        error.exit_code = code
        raise error
    return "done"


def _options_of(command: ModuleType, options: argparse.Namespace, **given: object) -> argparse.Namespace:
    """The options of another command: its defaults, the stacks of `ship`, and `given`."""
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    stacks = {"source": options.source, "target": options.target, "cwd": options.cwd}
    return argparse.Namespace(**{**vars(parser.parse_args([])), **stacks, **given})


def _print_line(line: str) -> None:
    if line.strip():
        show(coloured(f"  {visible_line(line.rstrip())}", "dim", sys.stderr))


def _text(results: Sequence[Result]) -> str:
    rows = [(name, outcome, f"{duration:.0f} s") for name, outcome, duration in results]
    total = f"all steps done in {sum(duration for _, _, duration in results):.0f} s"
    return f"{table(('step', 'outcome', 'duration'), rows, right=(2,))}\n{total}"


def _json(results: Sequence[Result]) -> dict[str, object]:
    steps = [
        {"name": name, "outcome": outcome, "seconds": round(duration, 1)}
        for name, outcome, duration in results
    ]
    return {"schema": 1, "steps": steps}
