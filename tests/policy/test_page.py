"""The page of all rules is generated from the rules."""

from __future__ import annotations

from pathlib import Path

from policy.rules.catalogue import ALL
from policy.rules.page import CHAPTERS, page


def test_the_page_is_up_to_date(checkout: Path) -> None:
    assert (checkout / "docs" / "policies.md").read_text() == page(), (
        ".venv/bin/python -m policy.rules.page > docs/policies.md"
    )


def test_every_rule_is_on_the_page_once() -> None:
    assert {rule.chapter for rule in ALL} <= CHAPTERS.keys()
    for rule in ALL:
        assert page().count(f"| [`{rule.name}`]") == 1
