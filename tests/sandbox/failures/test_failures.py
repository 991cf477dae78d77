"""Every failure of docs/failures.md occurs with the message on the page."""

from __future__ import annotations

import pytest

import tests.sandbox.failures as _scenarios  # noqa: F401 - fills the table
from sandbox.cloud.paths import Paths
from tests.sandbox.failures.table import FAILURES, PAGE, BothClouds, Failure, page
from tests.sandbox.transfer.side import SandboxSide


@pytest.fixture(scope="module")
def clouds(paths: Paths) -> BothClouds:
    both = BothClouds(
        SandboxSide(paths, "source", "fails").build(), SandboxSide(paths, "target", "fails").build()
    )
    both.source.image("fail/app", "1")
    response = both.source.run(both.source.pipeline("export", "out"), both.ARCHIVE, both.IMAGE)
    assert response["status"] == "Succeeded", response
    both.target.put_blob(both.INTO, both.ARCHIVE, both.source.blob("out", both.ARCHIVE))
    return both


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.title)
def test_the_user_sees_the_documented_message(failure: Failure, clouds: BothClouds) -> None:
    message = failure.scenario(clouds)
    assert failure.matches(message), f"\nexpected {failure.message}\ngot      {message}"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run .venv/bin/python -m tests.sandbox.failures"


def test_every_failure_is_unique() -> None:
    titles = [(each.title, each.steps) for each in FAILURES]
    assert len(titles) == len(set(titles)) > 60
