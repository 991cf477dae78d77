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


def python(checkout: Path, *arguments: str | Path) -> str:
    """Run a Python in the checkout with `arguments` and return what it wrote on both streams."""
    own = {"ACR_TRANSFER_CACHE": str(checkout.parent / "cache"), "PIP_NO_INDEX": "1"}
    ended = subprocess.run(
        arguments, cwd=checkout, env=os.environ | own, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def set_up(checkout: Path) -> str:
    return python(checkout, sys.executable, "-m", "setup", "venv")


def is_current(checkout: Path) -> bool:
    program = "from setup import venv; print(venv.current())"
    return python(checkout, sys.executable, "-c", program) == "True\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout that was set up, after an earlier set-up had been killed half-way."""
    folder = tmp_path_factory.mktemp("machine") / "my checkout"
    shutil.copytree(CHECKOUT / "setup", folder / "setup")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "requirements.txt").write_text("")
    (folder / "backend.py").write_text(BACKEND)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").write_text("half")
    assert "the virtual environment .venv: done" in set_up(folder)
    return folder


def test_it_works_in_a_path_with_a_space_and_finds_the_project(checkout: Path) -> None:
    found = python(
        checkout, checkout / ".venv" / "bin" / "python", "-I", "-c", "import setup; print(setup.__file__)"
    )
    assert found == f"{checkout}/setup/__init__.py\n"


def test_a_second_run_makes_nothing(checkout: Path) -> None:
    assert set_up(checkout) == ""


def test_a_changed_requirement_makes_it_outdated(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("# another pin\n")
    assert not is_current(checkout)
    (checkout / "requirements.txt").write_text("")
    assert is_current(checkout)


def test_the_settings_of_a_linter_do_not_make_it_outdated(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text(f"{PROJECT}\n[tool.ruff]\nline-length = 100\n")
    assert is_current(checkout)
    (checkout / "pyproject.toml").write_text(PROJECT)


def test_a_checkout_that_was_moved_gets_a_new_one(checkout: Path) -> None:
    moved = checkout.rename(checkout.parent / "moved checkout")
    assert not is_current(moved)
    moved.rename(checkout)
    assert is_current(checkout)
