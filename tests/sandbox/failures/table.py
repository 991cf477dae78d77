"""The table of all failures that can be played, and the page that is made from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.transfer.side import SandboxSide

PAGE = Path(__file__).parents[3] / "docs" / "failures.md"


@dataclass
class BothClouds:
    """Both clouds of one test module: an image to export, and a good archive to import."""

    source: SandboxSide
    target: SandboxSide

    IMAGE = "fail/app:1"
    ARCHIVE = "good"
    INTO = "come"
    """The target's container that holds the archive."""


Play = Callable[[BothClouds], str]
"""Makes the failure happen; the answer is the text that the user sees."""


@dataclass(frozen=True)
class Failure:
    """One row of the page."""

    group: str
    title: str
    how: str
    """How anybody plays it."""

    text: str
    """What the user sees; … stands for what differs from time to time."""

    play: Play

    def fits(self, said: str) -> bool:
        """Whether what a user saw is what the page says."""
        pattern = ".*".join(re.escape(part) for part in self.text.split("…"))
        return re.fullmatch(pattern, said, re.DOTALL) is not None


FAILURES: list[Failure] = []


def failure(group: str, title: str, how: str, text: str) -> Callable[[Play], Play]:
    """Put a way of playing a failure into the table."""

    def add(play: Play) -> Play:
        FAILURES.append(Failure(group, title, how, text, play))
        return play

    return add


_HEAD = """\
# Every failure, played

What goes wrong with ACR Transfer, how to play it in [the sandbox](sandbox.md), and the text that a user
sees: of a run its `pipelineRunErrorMessage`, of a request the error's code and message. `…` stands for what
differs from time to time. The rows are those of the service's own [troubleshooting page][1], and more. Each
is a test ([tests/sandbox/failures](../tests/sandbox/failures)); this page is made from the tests
(`.venv/bin/python -m tests.sandbox.failures`), and a test holds it to them. The words in parentheses are
Azurite's, or those of Azure's documentation; the others are the sandbox's own where Azure publishes none.

A source trigger that cannot look (no list right, no grant, expired token) says nothing anywhere: no run
appears. Nor does one for a blob without Content-MD5, without the metadata `category: acr-transfer-blob`, or
older than 60 days ([test_source_trigger.py](../tests/sandbox/transfer/test_source_trigger.py)).

[1]: https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group in dict.fromkeys(each.group for each in FAILURES):
        rows = [
            f"| {_cell(each.title)} | {_cell(each.how)} | {_cell(each.text)} |"
            for each in FAILURES
            if each.group == group
        ]
        parts.append(
            "\n".join((f"\n## {group}\n", "| failure | played by | text |", "| --- | --- | --- |", *rows, ""))
        )
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
