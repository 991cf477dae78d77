"""Tables fit the terminal; other streams get whole texts."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.cli import table as tables
from acr_transfer.cli.table import table, wrapped

CELLS = st.text("abcdefgh ", max_size=60)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_no_line_of_a_table_is_longer_than_the_terminal(rows: list[tuple[str, str, str]]) -> None:
    lines = table(("one", "two", "three"), rows, right=(2,), indent=2).splitlines()
    assert len(lines) == len(rows) + 1
    assert all(len(line) <= 60 for line in lines)


def test_only_a_long_text_is_cut_and_ends_in_an_ellipsis() -> None:
    assert table(("name", "size"), [("x" * 80, "1 B")]).splitlines()[1] == f"{'x' * 53}…  1 B"


def test_without_a_terminal_every_text_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert table(("name",), [("x" * 500,)]).splitlines()[1] == "x" * 500
    assert tables.room() == sys.maxsize


def test_without_a_terminal_one_long_text_does_not_widen_the_other_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    rows = [("app:1", "new"), (f"app:{'x' * 128}", "new"), ("application:1", "present")]
    assert table(("name", "state"), rows).splitlines() == [
        "name           state",
        "app:1          new",
        f"app:{'x' * 128}  new",
        "application:1  present",
    ]


def test_the_next_lines_of_a_long_text_are_indented() -> None:
    lines = wrapped("fix:  " + "word " * 30, 4, hanging=6)
    assert lines[0].startswith("    fix:  word")
    assert all(line.startswith(" " * 10 + "word") and len(line) <= 60 for line in lines[1:])
    assert len(wrapped("a command that is one " + "x" * 90, 4)) == 2
