"""One project, and two pairs of stacks that the operator deployed."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.rights.commands import PAIRS, Pair


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("rights"), checkout, sandbox_environment)


@pytest.fixture(scope="module")
def pairs(project: Project, paths: Paths) -> dict[str, Pair]:
    """The pairs by name; each test module has its own."""
    part = f"p{zlib.crc32(project.folder.name.encode()):x}"
    return {name: Pair(project, paths, f"{part}{name}").deploy(**config) for name, config in PAIRS.items()}
