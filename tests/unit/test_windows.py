"""Each command ends on Windows with one sentence, before it needs a module that Windows lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.modules["fcntl"] = None
import {module}.__main__
# Set last: libraries that are imported above would otherwise need a real Windows.
sys.platform = "win32"
sys.argv = [{module!r}, *{arguments!r}]
sys.exit({module}.__main__.main())
"""


@pytest.mark.parametrize(
    ("module", "arguments"), [("setup", ["all"]), ("sandbox", ["up"]), ("acr_transfer", ["doctor"])]
)
def test_a_command_names_wsl(module: str, arguments: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(module=module, arguments=arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (sentence,) = ended.stderr.splitlines()
    assert "Windows is not supported. Run the same command in WSL" in sentence
