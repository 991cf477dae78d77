"""The fixture that all component tests use: deploy a program, then inspect the result."""

from __future__ import annotations

import asyncio

import pytest

from components import advice
from tests.component.mock_azure import Deploy


@pytest.fixture(autouse=True)
def event_loop() -> None:
    """An event loop for Pulumi, which uses the current one; `asyncio.run` of another test leaves none."""
    asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture(autouse=True)
def wording(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wording of Python: another test may have used another one."""
    monkeypatch.setattr(advice, "_wording", advice.PYTHON)


@pytest.fixture
def deploy() -> Deploy:
    """Runs a program on its own mock Azure."""
    return Deploy()
