"""`acr-transfer prove`."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack, seconds
from acr_transfer.errors import NothingExportedError, NotProvedError
from acr_transfer.model.proof import LayerMode

if TYPE_CHECKING:
    from acr_transfer.cli.progress import Progress
    from acr_transfer.prove.evidence import Evidence
    from acr_transfer.prove.expectation import Expectation
    from acr_transfer.prove.verify import Proof
    from acr_transfer.registry.client import Registry

PURPOSE = (
    "read every manifest at the target, compare its digest with the one exported, and write the evidence"
)
EXAMPLES = (
    ("acr-transfer prove --source source --target target --wait 1200", "wait for the import, then prove it"),
    (
        "acr-transfer prove --receipt receipt.json --html evidence.html",
        "a page for the auditor, and a receipt for the next plan",
    ),
    (
        "acr-transfer prove --handover handover.json --layers sample",
        "where the source cannot be reached; some layers are read as well",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of prove."""
    expected = parser.add_argument_group("what must have arrived")
    add_stack(expected, "source", "stack that exported")
    others = expected.add_mutually_exclusive_group()
    others.add_argument(
        "--handover", metavar="FILE", type=Path, help="its hand-over; the source is not asked"
    )
    others.add_argument("--lock", metavar="FILE", type=Path, help="a lock; the source is not asked")
    where = parser.add_argument_group("where")
    add_stack(where, "target", "stack that imports")
    where.add_argument("--registry", metavar="HOST", help="look there instead, with Docker's credentials")
    add_project(where)
    where.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="look again until all is proved, for so long; a trigger takes up to 15 minutes",
    )
    how = parser.add_argument_group("how much, and the evidence")
    how.add_argument(
        "--layers",
        choices=("none", "sample", "all"),
        default="none",
        help="read layers as well and hash them (%(default)s)",
    )
    how.add_argument(
        "--sample", metavar="N", type=_count, default=20, help="so many layers in a sample (%(default)s)"
    )
    how.add_argument("--exact", action="store_true", help="extra tags at the target are a failure")
    how.add_argument(
        "--html", metavar="FILE", type=Path, help="write the evidence as one self-contained page"
    )
    how.add_argument(
        "--receipt", metavar="FILE", type=Path, help="add what is proved to this file, for `plan --since`"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Look at the target, print what is proved, and write what was asked for."""
    return execute(options, Console(options))


def execute(options: argparse.Namespace, console: Console) -> int:
    """Do the same with the output on another console, for `ship`."""
    import asyncio

    from acr_transfer.prove import evidence

    with console.progress() as progress:
        found = asyncio.run(_look(options, progress, console))
    _write(options, found, console)
    console.result(lambda: evidence.evidence_json(found), lambda: evidence.evidence_table(found))
    if not found.good:
        raise NotProvedError(evidence.what_to_do(found))
    return 0


def _write(options: argparse.Namespace, found: Evidence, console: Console) -> None:
    from acr_transfer.model.documents.receipt import Receipt
    from acr_transfer.model.text_files import write_file
    from acr_transfer.prove.evidence_page import page

    if options.html:
        write_file(options.html, page(found).encode(), "page")
        console.remark(f"evidence {options.html} written")
    if options.receipt:
        earlier = Receipt.read_or_create(options.receipt, found.target)
        receipt = earlier.after_proof(found.proved(), found.lost())
        receipt.write(options.receipt)
        console.remark(f"receipt {options.receipt} written: {len(receipt.artifacts)} artifacts")


async def _look(options: argparse.Namespace, progress: Progress, console: Console) -> Evidence:
    from acr_transfer.model.documents.receipt import Receipt
    from acr_transfer.prove.evidence import Evidence

    began = datetime.now(UTC)
    async with _sides(options) as (exported, source, target):
        if not exported.artifacts:
            raise NothingExportedError(f"{exported.what} names no artifact: nothing to prove")
        # A receipt that cannot be used is refused before the wait, not after it.
        known: Iterable[str] = ()
        if options.receipt:
            known = Receipt.read_or_create(options.receipt, target.login_server).digests
        proof = await _proof(options, exported, source, target, progress)
        proof = await _with_extras(known, proof, target, console)
        return Evidence(
            proof=proof,
            target=target.login_server,
            source=exported.registry,
            handover=exported.what,
            checksum=exported.checksum,
            pinned=all("@" in name or name in exported.entries for name in exported.artifacts),
            began=began,
            ended=datetime.now(UTC),
            exact=options.exact,
        )


async def _proof(
    options: argparse.Namespace,
    exported: Expectation,
    source: Registry | None,
    target: Registry,
    progress: Progress,
) -> Proof:
    from dataclasses import replace

    from acr_transfer.prove.layers import read_layers
    from acr_transfer.prove.target import Target, with_listing
    from acr_transfer.prove.verify import prove, with_layers

    def watch(proved: int, total: int, rest: float) -> None:
        left = max(0.0, options.wait - progress.seconds)
        again = f"; looking again, up to {left:.0f} s" if rest else ""
        progress.show(f"{proved} of {total} artifacts proved{again}")

    progress.show(f"looking at {target.login_server}")
    seen = Target(target)
    proof = await prove(
        exported.artifacts, source, seen, pinned=exported.entries, wait=options.wait, watch=watch
    )
    proof = replace(proof, findings=tuple(await with_listing(proof.findings, target)))
    if options.layers == LayerMode.NONE:
        return proof
    layers = await read_layers(
        seen.below,
        target,
        LayerMode(options.layers),
        options.sample,
        lambda total: progress.begin("reading layers", total, of_bytes=True),
        progress.advance,
    )
    return with_layers(proof, layers, seen)


async def _with_extras(known: Iterable[str], proof: Proof, target: Registry, console: Console) -> Proof:
    from dataclasses import replace

    from acr_transfer.prove.verify import extras

    found = await extras(proof, known, target)
    if found is None:
        console.warn(f"tags at {target.login_server} may not be listed: extra ones were not looked for")
    return replace(proof, findings=(*proof.findings, *(found or ())))


@asynccontextmanager
async def _sides(options: argparse.Namespace) -> AsyncIterator[tuple[Expectation, Registry | None, Registry]]:
    """What must have arrived, the source's registry if it has to be asked, and the target's."""
    from acr_transfer.azure import connect
    from acr_transfer.prove.expectation import Expectation

    names = [] if options.handover or options.lock else [options.source]
    names += [] if options.registry else [options.target]
    stacks = dict(zip(names, await connect.read_stacks(names, options.cwd), strict=True))
    if options.handover:
        exported = Expectation.of_handover_file(options.handover)
    elif options.lock:
        exported = Expectation.of_lock_file(options.lock)
    else:
        exported = Expectation.of_handover(stacks[options.source].handover(), f"stack {options.source}")
    ask = any("@" not in name and name not in exported.entries for name in exported.artifacts)
    source: Any = None
    async with AsyncExitStack() as stack:
        if ask and options.source in stacks and not (options.handover or options.lock):
            source = await stack.enter_async_context(connect.registry(stacks[options.source]))
        there = (
            connect.registry_at(options.registry)
            if options.registry
            else connect.registry(stacks[options.target])
        )
        yield exported, source, await stack.enter_async_context(there)
