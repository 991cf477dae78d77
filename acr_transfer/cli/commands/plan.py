"""`acr-transfer plan`."""

import argparse
import shlex
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console
from acr_transfer.cli.option_types import count, file_path, registry_host, utc_time
from acr_transfer.cli.parser import add_project, add_stack
from acr_transfer.errors import InputError, LocksDifferError
from acr_transfer.file_reader import is_missing
from acr_transfer.model.credentials import quoted

if TYPE_CHECKING:
    from acr_transfer.cli.progress import Progress
    from acr_transfer.plan.baseline import Baseline
    from acr_transfer.plan.plan import Plan
    from acr_transfer.plan.rules import SelectionRules

PURPOSE = "select artifacts, pin them to digests, and write the lock that the source stack exports"
EXAMPLES = (
    ("acr-transfer plan shop/web:1.4.0 tools/probe", "two artifacts and their referrers"),
    (
        "acr-transfer plan --rules transfer.toml --dry-run",
        "the artifacts that the rules of a file select now; writes nothing",
    ),
    (
        "acr-transfer plan --repository 'shop/*' --versions '^1' --newest 3 --since receipt.json",
        "the three newest versions, without those that are at the target",
    ),
    ("acr-transfer plan --diff old.lock.json transfer.lock.json", "the difference between two locks"),
)


_LOCK = Path("transfer.lock.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of plan."""
    forms = "repository, repository:tag, repository@sha256:… or repository:tag@sha256:…"
    parser.add_argument("artifacts", nargs="*", metavar="ARTIFACT", help=forms)
    parser.add_argument("--list", metavar="FILE", type=file_path, help="artifacts, one per line")
    prefix = "leave out the beginning of names, such as docker.io; repeatable"
    parser.add_argument("--strip-prefix", metavar="PREFIX", action="append", default=[], help=prefix)
    again = "the artifacts of this lock at their current digests, and their current referrers"
    parser.add_argument("--again", metavar="LOCK", type=file_path, help=again)
    parser.add_argument("--rules", metavar="FILE", type=file_path, help="rules as TOML, see docs/plan.md")
    _add_rule(parser.add_argument_group("a rule"))
    _add_source(parser.add_argument_group("the source"))
    result = parser.add_argument_group("the result")
    out = f"the lock ({_LOCK}, or that of --again)"
    result.add_argument("--out", metavar="FILE", type=file_path, help=out)
    result.add_argument("--dry-run", action="store_true", help="list present artifacts too; write nothing")
    result.add_argument("--strict", action="store_true", help="treat warnings as errors")
    known = result.add_mutually_exclusive_group()
    known.add_argument(
        "--since", metavar="RECEIPT", type=file_path, help="omit the artifacts of this receipt"
    )
    known.add_argument("--target", metavar="STACK", help="omit the artifacts in the registry of this stack")
    locks = ("OLD", "NEW")
    result.add_argument(
        "--diff", nargs=2, metavar=locks, type=file_path, help="compare two locks, and do not plan"
    )


def _add_rule(group: Any) -> None:
    def add_patterns(option: str, key: str, help: str) -> None:
        group.add_argument(option, metavar="PATTERN", action="append", dest=key, help=help)

    add_patterns("--repository", "repositories", "glob, or re:EXPRESSION; repeatable")
    add_patterns("--tag", "tags", "glob, or re:EXPRESSION; repeatable")
    group.add_argument("--versions", metavar="RANGE", help="semantic versions, such as '>=1.2 <2' or '^1.4'")
    group.add_argument("--newest", metavar="N", type=count, help="number of tags per repository")
    group.add_argument("--order", choices=("time", "version"), help="criterion of --newest (time)")
    group.add_argument("--younger-than", metavar="SPAN", help="tags moved within a time like 12h, 90d or 2w")
    group.add_argument("--older-than", metavar="SPAN", help="tags not moved within such a time")
    add_patterns("--exclude-repository", "exclude_repositories", "repositories to omit; repeatable")
    add_patterns("--exclude-tag", "exclude_tags", "tags to omit; repeatable")
    as_of = "count the age of tags from a time such as 2026-11-01T00:00:00Z (now)"
    group.add_argument("--as-of", metavar="TIME", type=utc_time, help=as_of)


def _add_source(group: Any) -> None:
    add_stack(group, "source", "stack that exports")
    group.add_argument(
        "--registry", metavar="HOST", type=registry_host, help="another registry, with Docker's credentials"
    )
    add_project(group)
    platform = "warn of images for other platforms; repeatable"
    group.add_argument("--platform", metavar="OS/ARCH", action="append", help=platform)
    group.add_argument("--no-referrers", action="store_true", help="omit signatures, SBOMs and so on")


def run(options: argparse.Namespace, console: Console | None = None) -> int:
    """Plan, or compare two locks. `ship` passes another console."""
    console = console or Console(options)
    return _compare(options, console) if options.diff else _plan(options, console)


def _compare(options: argparse.Namespace, console: Console) -> int:
    from acr_transfer.cli import plan_report
    from acr_transfer.model.documents.lock import Lock, compare_locks

    found = compare_locks(*map(Lock.read, options.diff))
    console.result(lambda: plan_report.difference_json(found), lambda: plan_report.difference_table(found))
    if found.any:
        raise LocksDifferError("the two locks differ")
    return 0


def _plan(options: argparse.Namespace, console: Console) -> int:
    import asyncio

    from acr_transfer.cli import plan_report

    rules = _rules(options)
    with console.progress() as progress:
        made = asyncio.run(_make(options, rules, progress))
    for warning in made.warnings:
        console.warn(warning)
    options.out = options.out or options.again or _LOCK
    out = None if options.dry_run or not made.moving else options.out
    if out:
        made.lock.write(out)
    listed = made.artifacts if options.dry_run else made.moving
    console.result(lambda: plan_report.plan_json(made, out), lambda: plan_report.plan_table(made, listed))
    if out:
        console.remark(f"lock {out} written: {made.lock.checksum}")
    else:
        kept = f"; the existing {options.out} is unchanged" if not is_missing(options.out) else ""
        console.remark(f"{'dry run' if made.moving else 'nothing to move'}: no lock was written{kept}")
    return 0


async def _make(options: argparse.Namespace, rules: "SelectionRules", progress: "Progress") -> "Plan":
    from acr_transfer.azure import connect
    from acr_transfer.azure.stacks import read_stack
    from acr_transfer.model.documents.receipt import Receipt
    from acr_transfer.plan.baseline import ReceiptBaseline, RegistryBaseline
    from acr_transfer.plan.plan import plan

    baseline: Baseline | None = ReceiptBaseline(Receipt.read(options.since)) if options.since else None
    async with AsyncExitStack() as stack:
        if options.registry:
            opened = connect.registry_at(options.registry)
        else:
            opened = connect.registry(read_stack(options.source, options.cwd, deployed=False))
        source = await stack.enter_async_context(opened)
        _require_registry_of_lock(options, source.login_server)
        if options.target:
            deployed = read_stack(options.target, options.cwd)
            baseline = RegistryBaseline(await stack.enter_async_context(connect.registry(deployed)))
        progress.show(f"listing tags at {source.login_server}")
        return await plan(
            rules,
            source,
            baseline=baseline,
            as_of=options.as_of,
            with_referrers=not options.no_referrers,
            strict=options.strict,
            progress=progress,
        )


def _require_registry_of_lock(options: argparse.Namespace, login_server: str) -> None:
    """Raise `InputError` if the lock of --again is for another registry: it would be overwritten."""
    from acr_transfer.model.documents.lock import Lock

    registry = Lock.read(options.again).registry if options.again else login_server
    if registry.lower() != login_server.lower():
        lock = shlex.quote(str(options.again))
        raise InputError(
            f"lock {options.again} is for the registry {registry}, but the source is {login_server}. "
            f"Plan it there: acr-transfer plan --again {lock} --registry {registry}"
        )


def _rules(options: argparse.Namespace) -> "SelectionRules":
    """The rules of the command line and of its files."""
    from acr_transfer.model.documents.lock import Lock
    from acr_transfer.plan.rules import SelectionRules

    parts = [SelectionRules.parse(_document(options), "the command line")]
    if options.list:
        parts.append(SelectionRules(artifacts=_listed(options)))
    if options.again:
        parts.append(SelectionRules(artifacts=Lock.read(options.again).chosen))
    if options.rules:
        parts.append(SelectionRules.read(options.rules))
    found = SelectionRules(
        artifacts=tuple(dict.fromkeys(name for part in parts for name in part.artifacts)),
        rules=tuple(rule for part in parts for rule in part.rules),
        platforms=tuple(dict.fromkeys(name for part in parts for name in part.platforms)),
    )
    if not found.artifacts and not found.rules:
        raise InputError(
            "no artifact is named: pass artifacts, --list, --again, --rules or --repository. "
            "`--repository '**'` selects all repositories."
        )
    return found


def _listed(options: argparse.Namespace) -> tuple[str, ...]:
    """The artifacts of --list."""
    from acr_transfer.model.artifact_list import ArtifactListError, ListForm, read_artifact_list

    form = ListForm(prefixes=options.strip_prefix, pins=True)
    try:
        found = read_artifact_list(options.list, options.registry or "", form)
    except ArtifactListError as error:
        if not error.hosts:
            raise
        fix = " ".join(f"--strip-prefix {quoted(host)}" for host in error.hosts)
        raise InputError(f"{error}\nTo leave out such a host: {fix}") from None
    return tuple(each.pinned_reference for each in found)


def _document(options: argparse.Namespace) -> dict[str, Any]:
    """The command line in the form of a rules file, so that one parser checks both."""
    from acr_transfer.model.artifact_list import without_prefix
    from acr_transfer.plan.rules import SelectionRule

    keys = {name: getattr(options, name) for name in SelectionRule.model_fields}
    rule = {name.replace("_", "-"): value for name, value in keys.items() if value is not None}
    tables = {"rule": [rule]} if rule else {}
    names = [without_prefix(name, options.strip_prefix) for name in options.artifacts]
    return {"artifacts": names, "platforms": options.platform or [], **tables}
