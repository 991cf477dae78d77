"""docs/by-hand.md and the README state the number of commands that the page lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

PLACES = ("source", "copy", "target")
_SETTING = "pulumi config set "
_FILE = "# fill in "


@pytest.fixture(scope="module")
def page(checkout: Path) -> str:
    return (checkout / "docs/by-hand.md").read_text()


def blocks(page: str, way: str) -> dict[str, list[str]]:
    """The lines of a way's blocks, by place."""
    section = re.split(r"^## ", page.partition(f"\n## {way}\n")[2], flags=re.MULTILINE)[0]
    found = re.findall(r"^### (\w+)\n.*?^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return {place.lower(): re.sub(r"\\\n\s*", "", block).splitlines() for place, block in found}


def counted(lines: Sequence[str]) -> str:
    """The numbers of commands, files and settings, as the table has them."""
    settings = sum(line.startswith(_SETTING) for line in lines)
    files = sum(line.startswith(_FILE) for line in lines)
    parts = [str(len(lines) - settings - files)]
    if files:
        parts.append(f"{files} file" if files == 1 else f"{files} files")
    if settings:
        parts.append(f"{settings} settings")
    return ", ".join(parts)


def cells(row: str) -> list[str]:
    """The cells of a row of a table, without the first one."""
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def table(page: str) -> dict[str, dict[str, str]]:
    """The first table: for each way, the numbers by place."""
    rows = [line for line in page.splitlines() if line.startswith("|")][:5]
    numbers = dict(zip(PLACES, map(cells, rows[2:]), strict=True))
    return {
        way: {place: numbers[place][column] for place in PLACES} for column, way in enumerate(cells(rows[0]))
    }


def test_the_table_has_the_numbers_of_the_commands(page: str) -> None:
    ways = table(page)
    assert len(ways) == 4
    for way, numbers in ways.items():
        assert {place: counted(lines) for place, lines in blocks(page, way).items()} == numbers, way


def test_the_readme_has_the_numbers_of_the_page(page: str, checkout: Path) -> None:
    stated = re.search(
        r"takes (\d+) commands: (\d+) at the source, (\d+) for the copy, (\d+) at the\s+target",
        (checkout / "README.md").read_text(),
    )
    assert stated
    numbers = [int(table(page)["CLI extension, SAS tokens"][place]) for place in PLACES]
    assert [int(each) for each in stated.groups()] == [sum(numbers), *numbers]
