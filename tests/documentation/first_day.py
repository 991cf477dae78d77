"""The table in docs/azure-first-day.md: `python -m tests.documentation.first_day` writes it."""

from __future__ import annotations

from pathlib import Path

from acr_transfer.operate.unconfirmed import UNCONFIRMED, command

PAGE = Path(__file__).resolve().parents[2] / "docs/azure-first-day.md"
MARK = "<!-- The table below is written by `python -m tests.documentation.first_day`. -->\n"


def page() -> str:
    """The text of the page, with a current table."""
    rows = [
        f"| {each.question} | `{command(each)}` | {each.shows} | {each.setting} | "
        f"{f'`{each.name}`' if '`' not in each.name else each.name} |"
        for each in UNCONFIRMED
    ]
    head = (
        "| question | command | it shows | what to set | in the sandbox |",
        "| --- | --- | --- | --- | --- |",
    )
    return PAGE.read_text().partition(MARK)[0] + MARK + "\n".join(["", *head, *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
