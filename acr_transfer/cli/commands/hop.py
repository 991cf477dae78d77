"""`acr-transfer hop`."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from acr_transfer.cli.console import Console
from acr_transfer.cli.parser import add_project
from acr_transfer.cli.progress import HopProgress
from acr_transfer.cli.sides import add_cap, add_source, add_target, source_side, target_side
from acr_transfer.errors import FAILURES

if TYPE_CHECKING:
    from acr_transfer.azure.stacks import Stack
    from acr_transfer.copy.hop import Route
    from acr_transfer.copy.result import CopyResult

PURPOSE = "copy the exported blobs from the source's container to the target's"
EXAMPLES = (
    ("acr-transfer hop --source source --target target", "copy what the source stack exported"),
    ("acr-transfer hop --cap 20M", "use at most 20 MiB a second"),
    (
        "acr-transfer hop --handover handover.json --container-url https://account.blob.example/transfer",
        "without stacks, with the caller's own rights on the blobs",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of hop."""
    add_source(parser)
    add_target(parser)
    add_project(parser)
    parser.add_argument(
        "--way",
        choices=("auto", "server", "stream"),
        default="auto",
        help="server: the target's storage reads the source directly; stream: through this machine; "
        "auto: server if that works, else stream (%(default)s)",
    )
    add_cap(parser, " of a streamed copy")
    parser.add_argument(
        "--again", action="store_true", help="copy also what the target has imported since it was exported"
    )


def run(options: argparse.Namespace, console: Console | None = None) -> int:
    """Copy every blob and print the results. `ship` passes another console."""
    import asyncio

    from acr_transfer.azure.throttle import Throttle
    from acr_transfer.cli.copy_report import print_copies
    from acr_transfer.copy.hop import Route, hop
    from acr_transfer.copy.result import CopyMode, CopyResult

    console = console or Console(options)
    throttle = Throttle(cap=options.cap)
    imports = _Imports(again=options.again)

    async def copy(progress: HopProgress) -> tuple[list[CopyResult], Route]:
        (handover, leaving), (imports.target, arriving) = await asyncio.gather(
            source_side(options, throttle, console), target_side(options, throttle)
        )
        async with leaving as source, arriving as target:
            route = Route(source.client, target.client, throttle, source.link, CopyMode(options.way))
            return await hop(handover.blob_names, route, progress, imports.read), route

    with console.progress() as progress:
        results, route = asyncio.run(copy(HopProgress(progress)))
    if throttle.throttled_responses:
        console.remark(f"the storage services throttled {throttle.throttled_responses} requests")
    notes = [_way(route), imports.remark(results)]
    return print_copies(console, results, progress.seconds, [note for note in notes if note])


def _way(route: "Route") -> str:
    """The sentence about the way of the content."""
    from acr_transfer.copy.result import CopyMode

    if route.mode is CopyMode.SERVER:
        return "server to server: the target's storage reads the source directly"
    return f"through this machine: {route.reason}" if route.reason else ""


class _Imports:
    """The import runs of the target, which are read if a blob is not in its container."""

    def __init__(self, *, again: bool) -> None:
        self.target: Stack | None = None
        self._again, self._unread = again, ""

    async def read(self) -> Mapping[str, datetime]:
        """The start of the last run of each blob, if it succeeded; nothing if the runs cannot be read."""
        from acr_transfer.azure import connect
        from acr_transfer.operate.runs import last_imports, pipeline_runs

        if self._again:
            return {}
        if self.target is None:
            self._unread = "the target is a container, not a stack"
            return {}
        try:
            pipeline, url = self.target.pipeline_id("target"), self.target.container_url()
            async with connect.arm(self.target) as arm:
                return last_imports(await pipeline_runs(pipeline, url, arm))
        except FAILURES as error:
            self._unread = str(error).partition("\n")[0]
            return {}

    def remark(self, results: "Sequence[CopyResult]") -> str:
        """The sentence about blobs that were imported, or that may have been."""
        from acr_transfer.copy.result import Outcome

        outcomes = {result.outcome for result in results}
        if Outcome.IMPORTED in outcomes:
            return "imported: by a run at the target, since the blob was exported; `--again` copies it again"
        if self._unread and Outcome.COPIED in outcomes:
            return f"also copied if a run had imported it, because the runs were not read: {self._unread}"
        return ""
