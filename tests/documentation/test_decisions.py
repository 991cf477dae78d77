"""Every decision has the same headings and a row in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("0*.md"))
HEADINGS = ["Context", "Decision", "Alternatives", "Consequences"]


def title_and_status(record: Path) -> tuple[str, str, str]:
    """The number, the title and the status of a decision."""
    found = re.match(r"# (\d+)\. (.+)\n\nStatus: (.+)\n", record.read_text())
    assert found, f"{record.name} does not start with a numbered title and a status"
    number, title, status = found.groups()
    return number, title, status


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_a_status_and_all_headings(record: Path) -> None:
    number, _, status = title_and_status(record)
    assert int(number) == int(record.name[:4])
    assert status.startswith(("accepted", "superseded by ["))
    headings = [line[3:] for line in record.read_text().splitlines() if line.startswith("## ")]
    assert [heading for heading in headings if heading != "Measured"] == HEADINGS


def test_the_index_lists_every_decision_with_its_status() -> None:
    rows = [
        f"| {number} | [{title}]({record.name}) | {status} |"
        for record in RECORDS
        for number, title, status in [title_and_status(record)]
    ]
    index = (FOLDER / "README.md").read_text()
    assert [line for line in index.splitlines() if line.startswith("| ") and "](0" in line] == rows
    assert len(RECORDS) == len({record.name[:4] for record in RECORDS})
