"""The runs of the transfer service leave no token and no key in the sandbox's state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.cloud.paths import Paths
from tests import leak_scan


@pytest.fixture(autouse=True)
def _searched_state(paths: Paths) -> Iterator[None]:
    """What a test writes into the state is searched, as after a command."""
    del paths
    with leak_scan.watched():
        yield
    leak_scan.hear("")
