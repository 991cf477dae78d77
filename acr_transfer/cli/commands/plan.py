"""`acr-transfer plan`."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.errors import InputError, LocksDifferError

if TYPE_CHECKING:
    from acr_transfer.cli.progress import Progress
    from acr_transfer.plan.baseline import Known
    from acr_transfer.plan.plan import Plan
    from acr_transfer.plan.rules import Rules

PURPOSE = "choose what moves, pin it to digests, and write the lock that the source stack exports"
EXAMPLES = (
    ("acr-transfer plan shop/web:1.4.0 tools/probe", "two artifacts, and whatever refers to them"),
    (
        "acr-transfer plan --rules transfer.toml --dry-run",
        "what the rules of a file mean now; nothing is written",
    ),
    (
        "acr-transfer plan --repository 'shop/*' --versions '^1' --newest 3 --since receipt.json",
        "of the three newest versions what is not at the target yet",
    ),
    ("acr-transfer plan --diff old.lock.json transfer.lock.json", "what changed between two locks"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of plan."""
    parser.add_argument(
        "artifacts", nargs="*", metavar="ARTIFACT", help="repository, repository:tag or repository@sha256:…"
    )
    parser.add_argument("--list", metavar="FILE", type=Path, help="artifacts, one a line; # begins a comment")
    parser.add_argument("--rules", metavar="FILE", type=Path, help="rules as TOML, see docs/plan.md")
    _add_rule(parser.add_argument_group("one rule, on the line"))
    _add_source(parser.add_argument_group("where from"))
    result = parser.add_argument_group("the result")
    result.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("transfer.lock.json"),
        help="the lock that is written (%(default)s)",
    )
    result.add_argument(
        "--dry-run", action="store_true", help="show everything, what is present too; write nothing"
    )
    result.add_argument("--strict", action="store_true", help="refuse what is only warned of otherwise")
    known = result.add_mutually_exclusive_group()
    known.add_argument(
        "--since", metavar="RECEIPT", type=Path, help="leave out what `prove --receipt` found at the target"
    )
    known.add_argument(
        "--target", metavar="STACK", help="leave out what the registry of this stack has already"
    )
    result.add_argument(
        "--diff",
        nargs=2,
        metavar=("OLD", "NEW"),
        type=Path,
        help="compare two locks instead; no registry is asked",
    )


def _add_rule(group: Any) -> None:
    group.add_argument(
        "--repository", metavar="PATTERN", action="append", help="glob, or re:EXPRESSION; repeatable"
    )
    group.add_argument("--tag", metavar="PATTERN", action="append", help="glob, or re:EXPRESSION; repeatable")
    group.add_argument("--versions", metavar="RANGE", help="semantic versions, like '>=1.2 <2' or '^1.4'")
    group.add_argument("--newest", metavar="N", type=int, help="so many tags of each repository")
    group.add_argument("--order", choices=("time", "version"), help="by what a tag is newer (time)")
    group.add_argument("--younger-than", metavar="SPAN", help="tags moved within 12h, 90d, 2w")
    group.add_argument("--older-than", metavar="SPAN", help="tags not moved for 12h, 90d, 2w")
    group.add_argument("--exclude-repository", metavar="PATTERN", action="append", help="but not these")
    group.add_argument("--exclude-tag", metavar="PATTERN", action="append", help="but not these")
    group.add_argument(
        "--as-of",
        metavar="TIME",
        type=_moment,
        help="count age from this moment, like 2026-11-01T00:00:00Z (now)",
    )


def _add_source(group: Any) -> None:
    add_stack(group, "source", "stack that exports")
    group.add_argument(
        "--registry", metavar="HOST", help="ask this registry instead, with Docker's credentials"
    )
    add_project(group)
    group.add_argument(
        "--platform", metavar="OS/ARCH", action="append", help="warn of images for any other; repeatable"
    )
    group.add_argument(
        "--no-referrers", action="store_true", help="leave signatures, SBOMs and the like behind"
    )


def run(options: argparse.Namespace) -> int:
    """Plan, or compare two locks."""
    return execute(options, Console(options))


def execute(options: argparse.Namespace, console: Console) -> int:
    """Do the same with the output on another console, for `ship`."""
    return _compare(options, console) if options.diff else _plan(options, console)


def _compare(options: argparse.Namespace, console: Console) -> int:
    from acr_transfer.model.documents.lock import Lock, compare_locks
    from acr_transfer.plan import report

    found = compare_locks(*map(Lock.read, options.diff))
    console.result(lambda: report.difference_json(found), lambda: report.difference_table(found))
    if found.any:
        raise LocksDifferError("the two locks differ")
    return 0


def _plan(options: argparse.Namespace, console: Console) -> int:
    import asyncio

    from acr_transfer.plan import report

    rules = _rules(options)
    with console.progress() as progress:
        made = asyncio.run(_look(options, rules, progress))
    for warning in made.warnings:
        console.warn(warning)
    out = None if options.dry_run or not made.moving else options.out
    if out:
        made.lock().write(out)
    shown = made.artifacts if options.dry_run else made.moving
    console.result(lambda: report.plan_json(made, out), lambda: report.plan_table(made, shown))
    if out:
        console.remark(f"lock {out} written: {made.lock().checksum}")
    else:
        console.remark(
            "dry run: no lock was written" if made.moving else "nothing is to move: no lock was written"
        )
    return 0


async def _look(options: argparse.Namespace, rules: Rules, progress: Progress) -> Plan:
    from acr_transfer.plan.plan import plan

    async with _registries(options) as (registry, known):
        progress.show(f"looking at {registry.login_server}")
        return await plan(
            rules,
            registry,
            registry.login_server,
            options.as_of or datetime.now(UTC),
            known=known,
            with_referrers=not options.no_referrers,
            strict=options.strict,
            begin=lambda total: progress.begin("reading manifests", total),
            advance=progress.advance,
        )


@asynccontextmanager
async def _registries(options: argparse.Namespace) -> AsyncIterator[tuple[Any, Known | None]]:
    from acr_transfer.azure import connect
    from acr_transfer.azure.stacks import read_stack
    from acr_transfer.model.documents.receipt import Receipt
    from acr_transfer.plan.baseline import ProvedTarget, Target

    known: Known | None = ProvedTarget(Receipt.read(options.since)) if options.since else None
    async with AsyncExitStack() as stack:
        if options.registry:
            source = await stack.enter_async_context(connect.registry_at(options.registry))
        else:
            configured = read_stack(options.source, options.cwd, deployed=False)
            source = await stack.enter_async_context(connect.registry(configured))
        if options.target:
            deployed = read_stack(options.target, options.cwd)
            known = Target(await stack.enter_async_context(connect.registry(deployed)))
        yield source, known


def _rules(options: argparse.Namespace) -> Rules:
    """What the line and its files ask for, all together."""
    from dataclasses import replace

    from acr_transfer.model.artifact_list import read_artifact_list
    from acr_transfer.plan.rules import Rules
    from acr_transfer.plan.rules_file import parsed_rules, read_rules

    of_line = parsed_rules(_document(options), "the command line")
    listed = read_artifact_list(options.list, options.registry or "") if options.list else []
    of_list = Rules(artifacts=tuple(artifact.reference for artifact in listed))
    of_file = read_rules(options.rules) if options.rules else None
    every = [rules for rules in (of_line, of_list, of_file) if rules]
    found = replace(
        of_line,
        artifacts=tuple(dict.fromkeys(name for rules in every for name in rules.artifacts)),
        rules=tuple(rule for rules in every for rule in rules.rules),
        platforms=tuple(dict.fromkeys(name for rules in every for name in rules.platforms)),
    )
    if not found.artifacts and not found.rules:
        raise InputError(
            "nothing is asked for: name artifacts, or give --list, --rules or --repository. "
            "`--repository '**'` means everything."
        )
    return found


def _document(options: argparse.Namespace) -> dict[str, Any]:
    """The line as a rules file would say it, so that both are judged alike."""
    rule = {
        "repositories": options.repository,
        "tags": options.tag,
        "versions": options.versions,
        "newest": options.newest,
        "order": options.order,
        "younger-than": options.younger_than,
        "older-than": options.older_than,
        "exclude-repositories": options.exclude_repository,
        "exclude-tags": options.exclude_tag,
    }
    said = {key: value for key, value in rule.items() if value is not None}
    tables = {"rule": [said]} if said else {}
    return {"artifacts": options.artifacts, "platforms": options.platform or [], **tables}


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; expected one like 2026-11-01T00:00:00Z"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
