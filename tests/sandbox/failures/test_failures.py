"""Every failure of docs/failures.md is played, and says what the page says."""

from __future__ import annotations

import pytest

import tests.sandbox.failures as _filled  # noqa: F401 - it fills the table
from sandbox.cloud.paths import Places
from tests.sandbox.failures.table import FAILURES, PAGE, BothClouds, Failure, page
from tests.sandbox.transfer.side import SandboxSide


@pytest.fixture(scope="module")
def world(places: Places) -> BothClouds:
    made = BothClouds(
        SandboxSide(places, "source", "fails").build(), SandboxSide(places, "target", "fails").build()
    )
    made.source.image("fail/app", "1")
    response = made.source.run(made.source.pipeline("export", "out"), made.ARCHIVE, made.IMAGE)
    assert response["status"] == "Succeeded", response
    made.target.put_blob(made.INTO, made.ARCHIVE, made.source.blob("out", made.ARCHIVE))
    return made


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.title)
def test_the_user_sees(failure: Failure, world: BothClouds) -> None:
    said = failure.play(world)
    assert failure.fits(said), f"\nexpected {failure.text}\ngot      {said}"


def test_the_page_is_made_from_the_tests() -> None:
    assert PAGE.read_text() == page(), "write it anew: .venv/bin/python -m tests.sandbox.failures"


def test_every_failure_has_a_title_of_its_own() -> None:
    titles = [(each.title, each.how) for each in FAILURES]
    assert len(titles) == len(set(titles)) > 60
