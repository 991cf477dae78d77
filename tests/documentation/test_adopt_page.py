"""The keys next to the names of other tools in docs/adopt.md exist."""

from __future__ import annotations

import re
from pathlib import Path

from stack.keys import BY_NAME


def test_each_row_names_a_key_or_none(checkout: Path) -> None:
    section = (checkout / "docs/adopt.md").read_text().partition("## From ARM templates")[2]
    tables = re.findall(r"^(?:\|.+\| key \|\n\|[-| ]+\|\n)((?:\|.+\|\n)+)", section, re.MULTILINE)
    cells = [row.split(" | ")[-1].rstrip(" |") for table in tables for row in table.splitlines()]
    assert len(cells) > 15
    named = [re.match(r"`(\w+)`|none", cell) for cell in cells]
    assert all(named)
    assert {found[1] for found in named if found and found[1]} <= set(BY_NAME)
