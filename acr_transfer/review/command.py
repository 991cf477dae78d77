"""The command line of a review."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from acr_transfer.review.configuration import configuration
from acr_transfer.review.engine import ReviewError, analysis, preview
from acr_transfer.review.report import report
from acr_transfer.review.review import Review
from acr_transfer.review.sarif import sarif
from acr_transfer.review.text import text

_AT_ONCE = 4
"""How many stacks are reviewed at the same time."""

FORBIDDEN, NOT_REVIEWED = 1, 3

_ENDING = f"""exit codes:
  0  nothing forbids to deploy
  {FORBIDDEN}  a mandatory rule is broken
  2  the command line is wrong
  {NOT_REVIEWED}  a stack could not be reviewed to the end

examples:
  policy/review.py contoso-source contoso-target
      preview both stacks of the project in this folder
  policy/review.py --profile strict --sarif review.sarif contoso-source
      the same for a code review tool
  policy/review.py --state exported.json
      what is deployed, without program, cloud or passphrase"""


def main(argv: Sequence[str] | None = None) -> int:
    """Review what the line names, write what it asks for; the exit code."""
    options = _parser().parse_args(argv)
    try:
        reviews = _reviews(options)
    except ReviewError as error:
        print(f"review: {error}", file=sys.stderr)
        return NOT_REVIEWED
    print("\n\n".join(map(text, reviews)))
    if options.json:
        _write(options.json, report(reviews, options.profile))
    if options.sarif:
        _write(options.sarif, sarif(reviews))
    if any(each.forbidden for each in reviews):
        return FORBIDDEN
    return NOT_REVIEWED if any(each.errors for each in reviews) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="policy/review.py",
        description="Say what would fail, leak or cost in Pulumi stacks, before they are deployed.",
        epilog=_ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("stacks", metavar="STACK", nargs="*", help="a stack to preview")
    add(
        "--state",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a file of `pulumi stack export`",
    )
    add("-C", "--cwd", metavar="DIR", type=Path, default=Path(), help="folder of Pulumi.yaml (.)")
    add(
        "--profile",
        metavar="NAME",
        default="baseline",
        help="a profile of the pack, or a policy configuration file (%(default)s)",
    )
    add(
        "--waivers",
        metavar="FILE",
        type=Path,
        help="waivers besides those of the profile: a JSON object of lists, by rule",
    )
    add("--json", metavar="FILE", type=Path, help="write the review as JSON")
    add("--sarif", metavar="FILE", type=Path, help="write the review as SARIF 2.1.0")
    return parser


def _reviews(options: argparse.Namespace) -> list[Review]:
    if not options.stacks and not options.state:
        raise ReviewError("Name a stack, or a file with --state. `pulumi stack ls` lists the stacks.")
    with configuration(options.profile, options.waivers) as config, ThreadPoolExecutor(_AT_ONCE) as pool:
        stacks = pool.map(lambda stack: _preview(stack, options.cwd, config), options.stacks)
        states = pool.map(
            lambda state: Review.of(str(state), _relative(state), analysis(state, config)), options.state
        )
        return [*stacks, *states]


def _preview(stack: str, folder: Path, config: Path) -> Review:
    file = folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    return Review.of(stack, _relative(file), preview(stack, folder, config))


def _relative(path: Path) -> str:
    """As code review tools want it: relative to the working directory, with slashes."""
    return Path(os.path.relpath(path)).as_posix()


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
