"""Shell scripts and recipes are POSIX sh, which every macOS has: shellcheck finds nothing newer in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    ROOT / ".ci" / "run",
    *sorted(path for folder in ("examples", "setup") for path in (ROOT / folder).rglob("*.sh")),
]
TARGETS = re.findall(r"[a-z-]+", (ROOT / "Makefile").read_text().partition(".PHONY:")[2].splitlines()[0])
SHELLCHECK = (str(Path(sys.executable).with_name("shellcheck")), "--shell=sh")


UNKNOWN_TO_SHELLCHECK = re.compile(r"\$\{[^}]*@[A-Za-z]\}|&>>")
"""Constructs of bash 4 that shellcheck accepts in POSIX sh: an expansion's operator, and an appended file."""


def check(script: str, *options: str) -> str:
    """Return what shellcheck prints about a script, and the constructs that it does not know."""
    command = [*SHELLCHECK, *options, "-"]
    printed = subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout
    return printed + "".join(f"In POSIX sh: {found}\n" for found in UNKNOWN_TO_SHELLCHECK.findall(script))


NEWER = (
    'echo "${*@Q}"',
    "name=a; echo ${name^^}",
    "values=(1 2)",
    "mapfile -t lines",
    "declare -A names",
    "echo a |& cat",
    "echo a &>> file",
    "[[ a == b ]]",
)


@pytest.mark.parametrize("newer", NEWER)
def test_a_construct_of_a_newer_shell_is_found(newer: str) -> None:
    assert "In POSIX sh" in check(f"#!/bin/sh\n{newer}\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_posix_sh(script: Path) -> None:
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert check(text) == ""


@pytest.mark.parametrize("target", TARGETS)
def test_a_recipe_is_posix_sh(target: str) -> None:
    recipe = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert recipe
    assert check(recipe, "--severity=warning") == ""
