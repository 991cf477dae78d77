"""Every command in a page is one that the program, the Makefile or the checkout has."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from acr_transfer.cli.commands import commands
from acr_transfer.cli.parser import parser
from stack.keys import BY_NAME

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/README.md")],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:acr-transfer|make|\.venv/bin/python|pulumi config) [^`]+)`")
_SYNOPSIS = re.compile(r"[\[\]|…]|\.\.\.| [A-Z]{3,}\b")
"""What a synopsis has, and no command."""


def _lines(text: str) -> Iterator[str]:
    """The command lines of a page: those of its blocks, and those between backticks."""
    for block in _BLOCK.findall(text):
        # A command may continue on the next line.
        yield from re.sub(r"\\\n\s*", "", block).splitlines()
    yield from _INLINE.findall(_BLOCK.sub("", text))


def _commands(page: Path) -> Iterator[list[str]]:
    """The words of each command of a page."""
    for line in _lines(page.read_text()):
        for part in re.sub(r"^\$ ", "", line.strip()).split(" && "):
            known = re.match(r"(acr-transfer|make|\.venv/bin/python|pulumi config (set|rm)) ", part)
            if known and not _SYNOPSIS.search(re.sub(r"\[\d+\]", "", part)):
                yield shlex.split(part, comments=True)


def _fault(words: list[str]) -> str:
    """Why a command does not exist; empty if it does."""
    program, *arguments = [word.replace("<side>", "source") for word in words]
    if program == "acr-transfer" and arguments not in ([name] for name in commands()):
        try:
            parser(commands()).parse_args(arguments)
        except SystemExit as end:
            return "unknown command, option or argument" if end.code else ""
    if program == "make":
        return _fault_of_make(arguments)
    if program == ".venv/bin/python":
        return _fault_of_python(arguments)
    return _fault_of_key(words)


def _fault_of_make(arguments: list[str]) -> str:
    found = re.search(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    targets = [each for each in arguments if "=" not in each]
    return "" if set(targets) <= set(found[1].split()) else "unknown target"


def _fault_of_key(words: list[str]) -> str:
    keys = (re.match(r"acr-transfer:(\w+)", each) for each in words)
    return "" if all(key[1] in BY_NAME for key in keys if key) else "unknown key"


def _fault_of_python(arguments: list[str]) -> str:
    if arguments[0] == "-m":
        return "" if importlib.util.find_spec(arguments[1]) else "unknown module"
    return "" if arguments[0].startswith("-") or (ROOT / arguments[0]).is_file() else "unknown file"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_exists(page: Path) -> None:
    faults = {shlex.join(words): fault for words in _commands(page) if (fault := _fault(words))}
    assert faults == {}


def test_a_wrong_command_is_found() -> None:
    wrong = ("acr-transfer plan --no-such", "make nothing", ".venv/bin/python -m sandbox.nothing")
    assert all(_fault(shlex.split(line)) for line in (*wrong, "pulumi config set acr-transfer:nothing 1"))
    assert sum(len(list(_commands(page))) for page in PAGES) > 100
