"""Deploy a program, then look: the fixture that all component tests start from."""

from __future__ import annotations

import pytest

from tests.component.mock_azure import Deploy


@pytest.fixture
def deploy() -> Deploy:
    """Runs a program on a mock Azure of its own."""
    return Deploy()
