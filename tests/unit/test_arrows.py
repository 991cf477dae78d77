"""The house's one-way arrows: folders that answer different questions do not import each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APART = ("components", "transfer", "sandbox", "setup", "policy")
"""Folders of the product, none of which may import another one, nor the program that uses them."""


def imports_of(source: str) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it the import stands."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_an_import_is_found_wherever_it_stands() -> None:
    source = "def f():\n    from sandbox.store import Store\nimport transfer.hop as h\nfrom . import own\n"
    assert imports_of(source) == {"sandbox", "transfer"}


@pytest.mark.parametrize("folder", APART)
def test_a_folder_imports_none_of_the_others(folder: str) -> None:
    forbidden = {*APART, "config", "tests"} - {folder}
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(file.relative_to(ROOT)): imports_of(file.read_text()) & forbidden for file in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_the_program_imports_its_components_alone() -> None:
    for file in ("__main__.py", *map(str, ROOT.glob("config*.py"))):
        assert (
            imports_of((ROOT / file).read_text()) & {"transfer", "sandbox", "setup", "policy", "tests"}
            == set()
        )


SUFFIXES = (
    ".windows.net",
    ".azurecr.",
    ".vault.azure.net",
    ".azure.cn",
    ".azure.us",
    "cloudapi.",
    ".microsoftonline.",
    "management.azure.com",
    ".azure.com/subscriptions",
)
"""What the endpoints of Azure's clouds end with or begin with."""


@pytest.mark.parametrize("place", ["components", "transfer", "config*.py", "__main__.py"])
def test_no_endpoint_of_a_cloud_is_put_together_in_the_code(place: str) -> None:
    files = [file for path in ROOT.glob(place) for file in ([path] if path.is_file() else path.rglob("*.py"))]
    assert files
    found = {str(file): [suffix for suffix in SUFFIXES if suffix in file.read_text()] for file in files}
    assert {file: suffixes for file, suffixes in found.items() if suffixes} == {}
