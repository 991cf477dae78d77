"""The page of all rules says what the rules say."""

from __future__ import annotations

from pathlib import Path

from acr_transfer_policy.catalogue import ALL
from acr_transfer_policy.page import CHAPTERS, page


def test_the_page_is_up_to_date(checkout: Path) -> None:
    assert (checkout / "docs" / "policies.md").read_text() == page(), (
        "PYTHONPATH=policy .venv/bin/python -m acr_transfer_policy.page > docs/policies.md"
    )


def test_every_rule_is_on_the_page_once() -> None:
    assert {rule.chapter for rule in ALL} <= CHAPTERS.keys()
    for rule in ALL:
        assert page().count(f"| [`{rule.name}`]") == 1
