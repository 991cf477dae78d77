"""Hostile documents, files and options through the command: each ends in one clear message."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.documents import (
    CANARY,
    ENVIRONMENT,
    HANDOVER,
    LOCK,
    MODULES,
    SIGNATURE,
    SPECIAL,
    Case,
    documents,
    files,
    options,
    pairs,
)
from tests.fuzz.limits import LONG, Finding, Outcome, Worker

TABLES: dict[str, tuple[Callable[[], Iterator[Case]], int, int]] = {
    "keys": (documents, 3, 151),
    "files": (files, 1, 29),
    "options": (options, 3, 101),
    "pairs": (lambda: pairs(600), 2, 149),
}
"""The cases, and the step from one to the next in the long and in the short set: a prime, so that every key
and every value has its turn."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
LONGEST_OUTPUT = 40_000
"""Characters: `plan --help` with a message of a hundred faults."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker that has imported what the commands import."""
    with Worker(tmp_path_factory.mktemp("worker"), MODULES) as found:
        yield found


def run(case: Case, worker: Worker, folder: Path) -> Outcome:
    """Run a case in a new folder with its file, and with good documents for the other options."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    names = {"GOOD": folder / "good.json", "GOOD LOCK": folder / "lock.json", "NONE": folder / "none.json"}
    for name, text in (("GOOD", json.dumps(HANDOVER)), ("GOOD LOCK", json.dumps(LOCK)), ("NONE", "{}")):
        names[name].write_text(text)
    file = folder / "files" / case.file
    if isinstance(case.content, str):
        SPECIAL[case.content](file)
    elif case.content is not None:
        file.write_bytes(case.content() if callable(case.content) else case.content)
    names |= {"FILE": file, "FOLDER": file.parent}

    def filled(text: str) -> str:
        known = text.partition("/")[0]
        return text.replace(known, str(names[known]), 1) if known in names else text

    environment = {**ENVIRONMENT, **{name: filled(value) for name, value in case.environment}}
    return worker.call(
        "tests.fuzz.documents:command",
        [filled(each) for each in case.line],
        environment=environment,
        folder=folder,
    )


def findings(outcome: Outcome) -> Iterator[Finding]:
    if CANARY in outcome.output or SIGNATURE in outcome.output:
        yield Finding.SECRET
    if CONTROL.search(outcome.output) or len(outcome.output) > LONGEST_OUTPUT or outcome.code == 1:
        yield Finding.MESSAGE


@pytest.mark.parametrize("table", TABLES)
def test_every_case_ends_in_a_clear_message(
    table: str, prepared: Worker, campaign: Campaign, tmp_path: Path
) -> None:
    cases, long, short = TABLES[table]
    before = len(campaign.found)
    for case in itertools.islice(cases(), 0, None, long if LONG else short):
        outcome = run(case, prepared, tmp_path / "case")
        campaign.record(case.name, outcome, *findings(outcome))
    assert campaign.found[before:] == []
