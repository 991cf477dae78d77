"""The page of each command describes every option of its help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acr_transfer.cli.commands import commands
from acr_transfer.cli.parser import parser

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {
    "plan": "plan.md",
    "review": "review.md",
    "hop": "hop.md",
    "pack": "pack.md",
    "unpack": "pack.md",
    "prove": "commands.md",
    "clean": "pack.md",
    "status": "status-ship.md",
    "doctor": "doctor.md",
    "ship": "status-ship.md",
}


def options(text: str) -> set[str]:
    """The long options that a text names."""
    return set(re.findall(r"--[a-z][a-z-]+", text))


@pytest.mark.parametrize("command", commands())
def test_the_documentation_describes_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser(commands()).parse_args([command, "--help"])
    pages = {DOCS / PAGES[command], DOCS / "commands.md"}
    documented = options("".join(page.read_text() for page in pages)) | {"--help"}
    assert options(capsys.readouterr().out) - documented == set()


def test_the_documentation_lists_every_exit_code() -> None:
    listed = re.findall(r"^ +(\d+)  \S", parser({}).format_help(), re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", (DOCS / "commands.md").read_text(), re.MULTILINE) == listed
