"""`acr-transfer review`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.cli.console import Console, safe_json
from acr_transfer.cli.option_types import file_path
from acr_transfer.cli.parser import add_project

if TYPE_CHECKING:
    from acr_transfer.model.documents.review import ReviewedStack
    from acr_transfer.review.engine import EngineOutput
    from acr_transfer.review.pack import PolicyPack

PURPOSE = "check stacks with the policy pack before they are deployed: failures, leaks, costs"
EXAMPLES = (
    ("acr-transfer review contoso-source contoso-target", "preview both stacks and list all violations"),
    ("acr-transfer review --profile strict --sarif review.sarif contoso-source", "for a code review tool"),
    ("acr-transfer review --state exported.json", "a deployed stack, without program, cloud or passphrase"),
)

FORBIDDEN, NOT_REVIEWED = 1, 3
_CONCURRENT_STACKS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of review."""
    subject = parser.add_argument_group("stacks")
    subject.add_argument("stacks", metavar="STACK", nargs="*", help="a stack to preview")
    state = "a file that `pulumi stack export` wrote"
    subject.add_argument("--state", metavar="FILE", type=file_path, action="append", default=[], help=state)
    add_project(subject)
    rules = parser.add_argument_group("rules")
    rules.add_argument(
        "--profile",
        metavar="NAME",
        default="baseline",
        help="profile of the policy pack, or a policy configuration file (%(default)s)",
    )
    rules.add_argument(
        "--waivers",
        metavar="FILE",
        type=file_path,
        help="waivers besides those of the profile: a JSON object with a list for each rule",
    )
    rules.add_argument(
        "--policy-pack",
        metavar="DIR",
        type=file_path,
        help="folder of the policy pack (policy/ of the checkout)",
    )
    files = parser.add_argument_group("files")
    files.add_argument("--report", metavar="FILE", type=file_path, help="write the JSON of --json to a file")
    files.add_argument("--sarif", metavar="FILE", type=file_path, help="write the review as SARIF 2.1.0")


def run(options: argparse.Namespace) -> int:
    """Review the stacks: 1 if a mandatory rule is broken, 3 if a stack cannot be reviewed completely."""
    from acr_transfer.model.documents.review import ReviewReport
    from acr_transfer.review.pack import PolicyPack, ReviewError
    from acr_transfer.review.review_text import review_text
    from acr_transfer.review.sarif import sarif

    if not options.stacks and not options.state:
        raise ReviewError(
            "No stack to review.\nFix: name a stack (`pulumi stack ls` lists them), or a file with --state."
        )
    pack = PolicyPack.load(options.policy_pack)
    reviews = _reviews(options, pack)
    report = ReviewReport(schema_=2, profile=options.profile, stacks=tuple(reviews))
    if options.report:
        _write(options.report, report.as_json())
    if options.sarif:
        _write(options.sarif, sarif(reviews, pack.rules))
    Console(options).result(report.as_json, lambda: "\n\n".join(map(review_text, reviews)))
    if any(each.forbidden for each in reviews):
        return FORBIDDEN
    return NOT_REVIEWED if any(each.errors for each in reviews) else 0


def _reviews(options: argparse.Namespace, pack: PolicyPack) -> list[ReviewedStack]:
    from concurrent.futures import ThreadPoolExecutor

    from acr_transfer.review.configuration import configuration
    from acr_transfer.review.engine import analyze, preview
    from acr_transfer.review.reviewed_stack import reviewed_stack

    def review(stack: str, file: Path, output: EngineOutput) -> ReviewedStack:
        # Code review tools need paths relative to the working directory, with slashes.
        return reviewed_stack(stack, Path(os.path.relpath(file)).as_posix(), output, pack.rules)

    def of_stack(stack: str) -> ReviewedStack:
        file = options.cwd / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
        return review(stack, file, preview(stack, options.cwd, pack.folder, config))

    def of_state(state: Path) -> ReviewedStack:
        return review(str(state), state, analyze(state, pack.folder, config))

    with (
        configuration(pack, options.profile, options.waivers) as config,
        ThreadPoolExecutor(_CONCURRENT_STACKS) as pool,
    ):
        return [*pool.map(of_stack, options.stacks), *pool.map(of_state, options.state)]


def _write(path: Path, content: dict[str, Any]) -> None:
    from acr_transfer.model.text_files import write_file

    write_file(path, f"{safe_json(content)}\n".encode(), "review")
