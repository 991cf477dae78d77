"""Each test that SECURITY.md names exists and has tests."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_named_test_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    named = set(re.findall(r"`(tests/[^`]+)`", text))
    assert len(named) > 10
    missing = [name for name in sorted(named) if not (ROOT / name).is_file()]
    assert missing == []
    assert [name for name in sorted(named) if "def test_" not in (ROOT / name).read_text()] == []
    # Every attack has a test.
    assert [row for row in rows if "| attack |" not in row and "`tests/" not in row] == []
