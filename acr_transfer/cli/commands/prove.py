"""`acr-transfer prove`."""

import argparse
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import count, file_path, registry_host, seconds
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.errors import FAILURES, AccessError, NotProvedError, ServiceError
from acr_transfer.model.proof import LayerMode

if TYPE_CHECKING:
    from acr_transfer.azure.stacks import Stack
    from acr_transfer.cli.progress import Progress
    from acr_transfer.prove.evidence import Evidence
    from acr_transfer.prove.verify import Expectation
    from acr_transfer.registry.client import RegistryClient

PURPOSE = "verify every manifest at the target by its digest, and write the evidence"
EXAMPLES = (
    ("acr-transfer prove --source source --target target --wait 1200", "wait for the import and prove it"),
    (
        "acr-transfer prove --receipt receipt.json --html evidence.html",
        "a page for the auditor, and a receipt for the next plan",
    ),
    (
        "acr-transfer prove --recheck receipt.json --receipt receipt.json",
        "everything that was ever proved; what is gone leaves the receipt",
    ),
    (
        "acr-transfer prove --handover handover.json --layers sample",
        "without access to the source; also read some layers",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of prove."""
    expected = parser.add_argument_group("expected artifacts")
    add_stack(expected, "source", "stack that exported")
    documents = expected.add_mutually_exclusive_group()
    documents.add_argument(
        "--handover", metavar="FILE", type=file_path, help="its hand-over, without the stack"
    )
    documents.add_argument("--lock", metavar="FILE", type=file_path, help="a lock, without the stack")
    again = "prove all artifacts of a receipt again, without the stack"
    documents.add_argument("--recheck", metavar="RECEIPT", type=file_path, help=again)
    target = parser.add_argument_group("the target")
    add_stack(target, "target", "stack that imports")
    target.add_argument(
        "--registry", metavar="HOST", type=registry_host, help="another registry, with Docker's credentials"
    )
    add_project(target)
    wait = "repeat until all artifacts are proved, for this time; a trigger takes up to 15 minutes"
    target.add_argument("--wait", metavar="SECONDS", type=seconds, default=0.0, help=wait)
    result = parser.add_argument_group("the proof and its result")
    modes, mode = [mode.value for mode in LayerMode], LayerMode.NONE.value
    result.add_argument(
        "--layers", choices=modes, default=mode, help="also read and hash layers (%(default)s)"
    )
    sample = "number of layers in a sample (%(default)s)"
    result.add_argument("--sample", metavar="N", type=count, default=20, help=sample)
    result.add_argument("--exact", action="store_true", help="treat extra tags at the target as a failure")
    result.add_argument("--html", metavar="FILE", type=file_path, help="write the evidence as one page")
    receipt = "add the proved artifacts to this file, for `plan --since`"
    result.add_argument("--receipt", metavar="FILE", type=file_path, help=receipt)


def run(options: argparse.Namespace, console: Console | None = None) -> int:
    """Prove the artifacts, print the result, and write the requested files. `ship` passes another console."""
    import asyncio

    from acr_transfer.cli.prove_report import evidence_table, next_steps
    from acr_transfer.prove.evidence import evidence_json

    console = console or Console(options)
    with console.progress() as progress:
        found = asyncio.run(_explained_proof(options, progress))
    if found.unlisted_tags and not options.exact:
        console.warn(f"extra tags were not searched: {found.unlisted_tags}")
    _write(options, found, console)
    console.result(lambda: evidence_json(found), lambda: evidence_table(found))
    if found.good:
        return 0
    if found.proof.complete and found.unlisted_tags:
        # The reason decides the exit code: a missing permission, or a failure of the service.
        kind = AccessError if isinstance(found.unlisted_tags, AccessError) else ServiceError
        raise kind(f"--exact needs the target's tags: {found.unlisted_tags}")
    raise NotProvedError(next_steps(found))


def is_proved(options: argparse.Namespace, console: Console) -> bool:
    """Whether all artifacts are proved; prints and writes nothing, and looks for no causes."""
    import asyncio

    with console.progress() as progress:
        return asyncio.run(_prove(options, progress))[0].good


def _write(options: argparse.Namespace, found: "Evidence", console: Console) -> None:
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


async def _explained_proof(options: argparse.Namespace, progress: "Progress") -> "Evidence":
    """The proof, with the causes of missing and different artifacts as far as they are known."""
    from acr_transfer.prove.causes import open_artifacts

    found, stacks = await _prove(options, progress)
    if options.source not in stacks or not open_artifacts(found):
        return found
    return await _with_causes(found, stacks, options)


async def _prove(options: argparse.Namespace, progress: "Progress") -> "tuple[Evidence, Mapping[str, Stack]]":
    """The proof, and the stacks that were read for it."""
    from acr_transfer.azure import connect
    from acr_transfer.model.documents.receipt import Receipt
    from acr_transfer.prove.patience import Patience
    from acr_transfer.prove.prove import prove

    patience = Patience(options.wait, progress)
    is_offline = bool(options.handover or options.lock or options.recheck)
    names = [*([] if is_offline else [options.source]), *([] if options.registry else [options.target])]
    stacks = dict(zip(names, await connect.read_stacks(names, options.cwd), strict=True))
    expectation = _expectation(options, stacks)
    async with AsyncExitStack() as stack:
        opened = stack.enter_async_context
        source: RegistryClient | None = None
        if not (expectation.is_pinned or is_offline):
            source = await patience.read(lambda: opened(connect.registry(stacks[options.source])))
        target = await patience.read(
            lambda: opened(
                connect.registry_at(options.registry)
                if options.registry
                else connect.registry(stacks[options.target])
            )
        )
        expectation.require_target(target.login_server)
        # An unusable receipt is an error before the wait, not after it.
        receipt = Receipt.read_or_create(options.receipt, target.login_server) if options.receipt else None
        found = await prove(
            expectation,
            source,
            target,
            patience,
            layers=LayerMode(options.layers),
            sample=options.sample,
            exact=options.exact,
            known=receipt.digests if receipt else (),
        )
    return found, stacks


async def _with_causes(
    found: "Evidence", stacks: "Mapping[str, Stack]", options: argparse.Namespace
) -> "Evidence":
    """Add what the source's registry, the import runs and the receipt show, as far as they can be read.

    Without a lock the source was read for the expectation, and differs from the target by definition.
    """
    from acr_transfer.azure import connect
    from acr_transfer.operate.locked import lock_path
    from acr_transfer.prove.causes import Knowledge, open_artifacts, with_causes
    from acr_transfer.registry.moved_tags import read_digests

    source, now = stacks[options.source], None
    arrived = dict[str, str]()
    if found.expectation.is_pinned:
        with suppress(*FAILURES):
            async with connect.registry(source) as registry:
                now = await read_digests(open_artifacts(found), registry)
    if options.target in stacks:
        with suppress(*FAILURES):
            arrived = await _imported(source, stacks[options.target])
    arrived |= _proved(options)
    names = {"source": source.name, "target": options.target, "lock": str(lock_path(source) or "")}
    config = stacks[options.target].keys if options.target in stacks else {}
    return with_causes(found, Knowledge(names=names, config=config, now=now, arrived=arrived))


async def _imported(source: "Stack", target: "Stack") -> dict[str, str]:
    """The artifacts of blobs that a run of the target imported, each with the run."""
    from acr_transfer.azure import connect
    from acr_transfer.operate.runs import pipeline_runs

    blobs = {blob.name: blob.artifacts for blob in source.handover().blobs}
    async with connect.arm(target) as arm:
        runs = await pipeline_runs(target.pipeline_id("target"), target.container_url(), arm)
    return {
        artifact: f"the run {run.name} imported its blob"
        for run in runs
        if run.succeeded
        for artifact in blobs.get(run.blob, ())
    }


def _proved(options: argparse.Namespace) -> dict[str, str]:
    """The artifacts of the receipt, each with the time of its proof."""
    from acr_transfer.file_reader import is_missing
    from acr_transfer.model.documents.receipt import Receipt

    if options.receipt is None or is_missing(options.receipt):
        return {}
    return {
        each.reference: f"the receipt {options.receipt} shows its proof at {each.proved_at}"
        for each in Receipt.read(options.receipt).artifacts
    }


def _expectation(options: argparse.Namespace, stacks: "Mapping[str, Stack]") -> "Expectation":
    from acr_transfer.model.documents.handover import Handover
    from acr_transfer.prove.verify import Expectation

    if options.recheck:
        return Expectation.of_receipt(options.recheck)
    if options.lock:
        return Expectation.of_lock_file(options.lock)
    if options.handover:
        return Expectation.of_handover(Handover.read(options.handover), str(options.handover))
    return Expectation.of_handover(stacks[options.source].handover(), f"stack {options.source}")
