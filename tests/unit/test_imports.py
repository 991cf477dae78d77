"""Imports go one way: folders that answer different questions do not import each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "__main__.py": {"stack", "components", "acr_transfer.model"},
    "stack": {"components", "acr_transfer.model"},
    "components": {"acr_transfer.model"},
    "acr_transfer": {"policy"},
    "policy": {"acr_transfer.model"},
    "sandbox": set[str](),
    "setup": set[str](),
}
"""The imports of each part besides its own. The sandbox shares no code: it judges the others."""

LAYERS = (
    {"cli"},
    {"operate", "review"},
    {"plan", "copy", "disk", "prove"},
    {"azure"},
    {"registry"},
    {"model"},
)
"""The sub-packages of `acr_transfer`, from top to bottom: none imports one above it."""

PARTS = {"stack", "components", "acr_transfer", "policy", "sandbox", "setup", "tests"}


def imports_of(source: str) -> set[str]:
    """Every module that a file imports by an absolute name, wherever in the file the import stands."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def python_files(part: str) -> list[Path]:
    """The Python files of one part of the product."""
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_an_import_is_found_wherever_it_stands() -> None:
    source = (
        "def f():\n    from sandbox.store import Store\nimport acr_transfer.copy as c\nfrom . import own\n"
    )
    assert imports_of(source) == {"sandbox.store.Store", "acr_transfer.copy"}


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    files = python_files(part)
    assert files
    for file in files:
        for name in imports_of(file.read_text()):
            own = name.partition(".")[0] == part.removesuffix(".py")
            allowed = any(f"{name}.".startswith(f"{each}.") for each in ALLOWED[part])
            assert own or allowed or name.partition(".")[0] not in PARTS, f"{file} imports {name}"


def _layer(package: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if package in layer), None)


def test_no_package_of_the_command_imports_one_above_it() -> None:
    found = []
    for number, layer in enumerate(LAYERS):
        for file in (file for package in layer for file in python_files(f"acr_transfer/{package}")):
            for name in imports_of(file.read_text()):
                parts = name.split(".")
                above = _layer(parts[1]) if parts[0] == "acr_transfer" and len(parts) > 1 else None
                if above is not None and above < number:
                    found.append(f"{file.relative_to(ROOT)} imports {name}")
    assert found == []


def test_no_folder_has_more_than_twenty_python_files() -> None:
    folders = {file.parent for part in [*ALLOWED, "tests", "bench"] for file in python_files(part)}
    counts = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > 20} == {}


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

CLOUDS_TABLE = ROOT / "acr_transfer/model/clouds.py"
"""Recognizes the cloud of a host, and builds no endpoint."""


@pytest.mark.parametrize("part", ["components", "acr_transfer", "stack", "__main__.py"])
def test_no_endpoint_of_a_cloud_is_put_together_in_the_code(part: str) -> None:
    files = [file for file in python_files(part) if file != CLOUDS_TABLE]
    assert files
    found = {str(file): [suffix for suffix in SUFFIXES if suffix in file.read_text()] for file in files}
    assert {file: suffixes for file, suffixes in found.items() if suffixes} == {}
