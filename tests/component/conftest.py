"""Deploy a program, then look: the fixture that all component tests start from."""

from __future__ import annotations

import asyncio

import pytest

from tests.component.mock_azure import Deploy


@pytest.fixture(autouse=True)
def event_loop() -> None:
    """An event loop for Pulumi, which takes the current one; `asyncio.run` of another test leaves none."""
    asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture
def deploy() -> Deploy:
    """Runs a program on a mock Azure of its own."""
    return Deploy()
