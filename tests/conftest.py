"""One sandbox for all tests that need one, and a leak search that they share."""

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

# A busy machine is no fault of the code: nothing here is judged by the clock.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


_LONGEST = ("policy_engine", "engine", "examples", "sandbox")
"""Folders of tests that take minutes: begun first, so that no worker is left with them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests, and mark the tests that need the running sandbox."""
    for item in items:
        if "places" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")
    folders = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(_LONGEST)))


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A running sandbox with the sample content, apart from the one that the user may have running."""
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
    """What a shell has after `eval "$(python -m sandbox env)"`."""
    return {**os.environ, **shell_env.variables(paths)}


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
