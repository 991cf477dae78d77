"""One deployed pair of stacks for all tests that leave it healthy, and the share of the tests in a run."""

from __future__ import annotations

import shlex
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.rights.share import share
from tests.ways_out.pair import Pair, new_project

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a fixed share of the tests that follow ways out; all of those in a file that the caller names."""
    mine = [each for each in items if each.path.parent == _FOLDER and "paths" in _fixtures(each)]
    named = [Path(word.partition("::")[0]).name for word in config.args]
    whole = [each.nodeid for each in mine if each.path.name in named]
    kept = {*whole, *share([each.nodeid for each in mine])}
    left = [each for each in mine if each.nodeid not in kept]
    config.hook.pytest_deselected(items=left)
    items[:] = [each for each in items if each not in left]


def _fixtures(item: pytest.Item) -> Sequence[str]:
    found: Sequence[str] = getattr(item, "fixturenames", ())
    return found


@pytest.fixture(scope="session")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    """A project in whose shell the printed commands run."""
    folder = tmp_path_factory.mktemp("ways-out")
    return new_project(folder, checkout, sandbox_environment, shlex.quote(sys.executable))


@pytest.fixture(scope="session")
def pair(project: Project, paths: Paths) -> Pair:
    """A deployed pair."""
    return Pair(project, paths, f"w{zlib.crc32(project.folder.name.encode()):x}").deploy()
