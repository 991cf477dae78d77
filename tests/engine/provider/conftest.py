"""The stand-in for azure-native, shared by its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.cloud.definitions import SOURCE
from tests.engine.provider.stand_in import StandIn, running


@pytest.fixture(scope="session")
def stand_in(sandbox_environment: dict[str, str]) -> Iterator[StandIn]:
    """The stand-in, configured for the source cloud."""
    with running(sandbox_environment, SOURCE) as found:
        yield found
