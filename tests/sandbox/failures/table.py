"""The table of failures, and the page that is generated from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acr_transfer.model.failures.failure import Way
from acr_transfer.model.failures.table import FAILURES as FAILURES_AS_DATA
from tests.sandbox.transfer.side import SandboxSide

PAGE = Path(__file__).parents[3] / "docs" / "failures.md"


@dataclass
class BothClouds:
    """Both clouds of a test module, with an image to export and a valid archive to import."""

    source: SandboxSide
    target: SandboxSide

    IMAGE = "fail/app:1"
    ARCHIVE = "good"
    INTO = "come"
    """The target's container with the archive."""


Scenario = Callable[[BothClouds], str]
"""Causes the failure; returns the message that the user sees."""


@dataclass(frozen=True)
class Failure:
    """One row of the page."""

    group: str
    title: str
    steps: str
    """How to reproduce it."""

    message: str
    """The message that the user sees; … stands for text that varies."""

    scenario: Scenario

    def matches(self, message: str) -> bool:
        """Whether a message is the one on the page."""
        pattern = ".*".join(re.escape(part) for part in self.message.split("…"))
        return re.fullmatch(pattern, message, re.DOTALL) is not None


FAILURES: list[Failure] = []


def failure(group: str, title: str, steps: str, message: str) -> Callable[[Scenario], Scenario]:
    """Add a scenario to the table."""

    def add(scenario: Scenario) -> Scenario:
        FAILURES.append(Failure(group, title, steps, message, scenario))
        return scenario

    return add


_HEAD = """\
# Failures and their messages

The failures of ACR Transfer, how to reproduce each in [the sandbox](sandbox.md), and the message that a
user sees: the `pipelineRunErrorMessage` of a run, or the code and message of a refused request. `…` stands
for text that varies. The rows include those of the service's [troubleshooting page][1]. Each row is a test in
[tests/sandbox/failures](../tests/sandbox/failures), which also generate this page
(`.venv/bin/python -m tests.sandbox.failures`). Text in parentheses comes from Azurite or from Azure's
documentation; the rest is the sandbox's own wording where Azure publishes none.

A source trigger without access (no list permission, no grant, an expired SAS token) reports nothing: no run
appears. The same applies to a blob without Content-MD5, without the metadata `category: acr-transfer-blob`,
or older than 60 days ([test_source_trigger.py](../tests/sandbox/transfer/test_source_trigger.py)).

[1]: https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""


def page() -> str:
    """The content of docs/failures.md."""
    parts = [_HEAD]
    for group in dict.fromkeys(each.group for each in FAILURES):
        rows = [
            f"| {_cell(each.title)} | {_cell(each.steps)} | {_cell(each.message)} |"
            for each in FAILURES
            if each.group == group
        ]
        parts.append(
            "\n".join(
                (
                    f"\n## {group}\n",
                    "| failure | how to reproduce it | message |",
                    "| --- | --- | --- |",
                    *rows,
                    "",
                )
            )
        )
    return "".join([*parts, _ways_out()])


_CAUSES = """
## Causes and ways out

What `doctor`, `status` and the errors of `pulumi up` recognise, from
[acr_transfer/model/failures](../acr_transfer/model/failures). Each way out is a list of commands; a name in
angle brackets is filled in by the message, or by you. `-s <stack>` is the failing stack.

| cause | recognised by | meaning | ways out |
| --- | --- | --- | --- |
"""


def _ways_out() -> str:
    rows = []
    for failure in FAILURES_AS_DATA.values():
        sign = "`" + failure.pattern.replace("|", "\\|") + "`" if failure.pattern else _cell(failure.seen)
        ways = "<br>".join(map(_way, failure.ways))
        meaning = _cell(failure.why).replace("\n", " ")
        rows.append(f"| {failure.name} | {sign} | {meaning} | {ways} |\n")
    return _CAUSES + "".join(rows)


def _way(way: Way) -> str:
    shown = "; ".join(f"`{step.command({})}`" for step in way.steps)
    return ": ".join(filter(None, (_cell(way.heading or _condition(way)), shown)))


def _condition(way: Way) -> str:
    """The configuration that decides between the ways of a failure, where no purpose does."""
    words = {"If": way.when, "Unless": way.unless}
    return "; ".join(
        f"{word} `{key}` is {value}" for word, each in words.items() for key, value in each.items()
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
