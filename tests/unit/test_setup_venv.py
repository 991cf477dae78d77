"""The virtual environment, really made, of a project that needs no package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "nothing"
version = "1"
"""

# The least that pip takes for an editable install: https://peps.python.org/pep-0660/
BACKEND = '''
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    """Write a wheel that puts this folder on sys.path."""
    info = {
        "METADATA": "Metadata-Version: 2.1\\nName: nothing\\nVersion: 1\\n",
        "WHEEL": "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "RECORD": "",
    }
    name = "nothing-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("nothing.pth", str(pathlib.Path.cwd()))
        for file, text in info.items():
            wheel.writestr(f"nothing-1.dist-info/{file}", text)
    return name
'''


def set_up(checkout: Path) -> str:
    """Run set-up and return what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "setup", "venv"],
        cwd=checkout,
        env=os.environ | {"ACR_TRANSFER_CACHE": str(checkout.parent / "cache"), "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def python(checkout: Path, program: str) -> str:
    command = [str(checkout / ".venv" / "bin" / "python"), "-c", program]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "my checkout"
    shutil.copytree(CHECKOUT / "setup", folder / "setup")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "requirements.txt").write_text("")
    (folder / "backend.py").write_text(BACKEND)
    return folder


def test_it_is_made_once_and_anew_where_its_pins_or_its_place_change(checkout: Path) -> None:
    assert "the virtual environment .venv: done" in set_up(checkout)
    assert python(checkout, "import setup; print(setup.__file__)") == str(checkout / "setup" / "__init__.py")
    assert set_up(checkout) == ""

    (checkout / "requirements.txt").write_text("# another pin\n")
    assert "done" in set_up(checkout)

    moved = checkout.rename(checkout.parent / "moved checkout")
    assert "done" in set_up(moved)
    assert python(moved, "import setup; print(setup.__file__)") == str(moved / "setup" / "__init__.py")


def test_a_half_made_one_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").write_text("half")
    assert "done" in set_up(checkout)
    assert python(checkout, "print('works')") == "works"


def test_the_settings_of_a_linter_are_no_reason_to_make_it_anew(checkout: Path) -> None:
    set_up(checkout)
    (checkout / "pyproject.toml").write_text(f"{PROJECT}\n[tool.ruff]\nline-length = 100\n")
    assert set_up(checkout) == ""
