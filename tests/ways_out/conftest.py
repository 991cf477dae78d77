"""One deployed pair of stacks for each test module."""

from __future__ import annotations

import shlex
import sys
import zlib
from pathlib import Path

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.ways_out.pair import Pair, new_project


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    """A project in whose shell the printed commands run."""
    folder = tmp_path_factory.mktemp("ways-out")
    return new_project(folder, checkout, sandbox_environment, shlex.quote(sys.executable))


@pytest.fixture(scope="module")
def pair(project: Project, paths: Paths) -> Pair:
    """A deployed pair."""
    return Pair(project, paths, f"w{zlib.crc32(project.folder.name.encode()):x}").deploy()
