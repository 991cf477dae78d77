"""One sandbox for all tests that need one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox import lifecycle, shell_env
from sandbox.cloud.paths import CHECKOUT, Paths

# Tests must not fail on a busy machine.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


_LONGEST = ("policy_engine", "engine", "examples", "sandbox")
"""Folders of slow tests. They start first, so that no worker has to run them alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests first, and mark the tests that need the running sandbox."""
    for item in items:
        if "paths" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")
    folders = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(_LONGEST)))


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A running sandbox with the sample content, separate from the user's."""
    state = tmp_path_factory.mktemp("a sandbox") / "state"
    found = Paths(state=state, cache=Paths.here().cache)
    before = os.environ.get("ACR_TRANSFER_SANDBOX")
    os.environ["ACR_TRANSFER_SANDBOX"] = str(state)
    try:
        for command in ("up", "seed"):
            subprocess.run([sys.executable, "-m", "sandbox", command], check=True, cwd=CHECKOUT)
        yield found
    finally:
        lifecycle.down(found)
        os.environ.pop("ACR_TRANSFER_SANDBOX")
        if before is not None:
            os.environ["ACR_TRANSFER_SANDBOX"] = before


@pytest.fixture(scope="session")
def sandbox_environment(paths: Paths) -> dict[str, str]:
    """The environment of a shell after `eval "$(python -m sandbox env)"`."""
    return {**os.environ, **shell_env.variables(paths)}


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
